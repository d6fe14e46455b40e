-- Log-ins that wait for the second factor.

-- +goose Up

CREATE TABLE half_logins (
	id uuid PRIMARY KEY,
	ticket_hash bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
	account_id uuid NOT NULL REFERENCES accounts, -- whose password was right
	expires_at timestamptz NOT NULL
);
CREATE INDEX half_logins_account ON half_logins (account_id);
CREATE INDEX half_logins_expiry ON half_logins (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON half_logins TO souk_system;
