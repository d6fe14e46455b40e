-- Passkeys (WebAuthn) as second factors, beside the codes of an app.

-- +goose Up

CREATE TABLE passkeys (
	id uuid PRIMARY KEY,
	account_id uuid NOT NULL REFERENCES totp ON DELETE CASCADE, -- the codes stand in for one that is lost
	credential_id bytea NOT NULL UNIQUE,
	credential jsonb NOT NULL, -- public key, counter and kind of the authenticator: nothing secret
	site text NOT NULL, -- name that the browser ties it to
	name text NOT NULL,
	created_at timestamptz NOT NULL,
	last_used_at timestamptz
);
CREATE INDEX passkeys_account ON passkeys (account_id);

-- What a person's authenticator is asked to sign to become a passkey.
CREATE TABLE passkey_challenges (
	account_id uuid PRIMARY KEY REFERENCES totp ON DELETE CASCADE,
	challenge jsonb NOT NULL,
	expires_at timestamptz NOT NULL
);

ALTER TABLE half_logins ADD COLUMN challenge jsonb; -- what a passkey is asked to sign

GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys, passkey_challenges TO souk_system;
