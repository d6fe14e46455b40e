-- Accounts that people make themselves: sign-ups that wait for their link,
-- forgotten passwords, and where somebody is logged in.

-- +goose Up

ALTER TABLE accounts
	ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'de')),
	ADD COLUMN time_zone text NOT NULL DEFAULT 'Europe/Zurich';
GRANT SELECT (locale) ON accounts TO souk_app; -- the language of mails

ALTER TABLE sessions
	ADD COLUMN address text NOT NULL DEFAULT '', -- that the log-in came from
	ADD COLUMN user_agent text NOT NULL DEFAULT '';

-- Who signed up and has not opened the link yet. There is no account before: it
-- is whoever reads the mail that decides which sign-up becomes one. Each holds
-- the name of its organization, whether the address had an account or not.
CREATE TABLE signups (
	id uuid PRIMARY KEY,
	email text NOT NULL,
	name text NOT NULL,
	password_hash text NOT NULL,
	locale text NOT NULL CHECK (locale IN ('en', 'de')),
	organization text NOT NULL CHECK (organization ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	display_name text NOT NULL,
	token_hash bytea UNIQUE, -- null: the address had an account
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX signups_email ON signups (lower(email), created_at);
CREATE INDEX signups_organization ON signups (organization);
CREATE INDEX signups_age ON signups (expires_at);

CREATE TABLE password_resets (
	id uuid PRIMARY KEY,
	account_id uuid REFERENCES accounts, -- null: the address has no account; kept so that this takes as long
	token_hash bytea NOT NULL UNIQUE,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_at timestamptz
);
CREATE INDEX password_resets_account ON password_resets (account_id);
CREATE INDEX password_resets_age ON password_resets (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON signups, password_resets TO souk_system;
