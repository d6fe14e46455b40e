-- Second factors of people, and where they have logged in from.

-- +goose Up

CREATE TABLE totp (
	account_id uuid PRIMARY KEY REFERENCES accounts,
	sealed bytea NOT NULL, -- the secret that the person's device has too
	begun_at timestamptz NOT NULL,
	confirmed_at timestamptz, -- null: not in force yet
	last_step bigint NOT NULL DEFAULT 0 -- of the last code that was taken: older ones are refused
);

CREATE TABLE recovery_codes (
	account_id uuid NOT NULL REFERENCES totp ON DELETE CASCADE,
	code_hash bytea NOT NULL, -- SHA-256 of 80 random bits
	used_at timestamptz,
	PRIMARY KEY (account_id, code_hash)
);

-- Log-ins from there are not held up by what others try elsewhere.
CREATE TABLE known_addresses (
	account_id uuid NOT NULL REFERENCES accounts,
	address text NOT NULL,
	last_login_at timestamptz NOT NULL,
	PRIMARY KEY (account_id, address)
);
CREATE INDEX known_addresses_age ON known_addresses (last_login_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON totp, recovery_codes, known_addresses TO souk_system;
