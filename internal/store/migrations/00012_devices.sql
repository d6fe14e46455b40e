-- Devices that ask a person to log them in (RFC 8628), and guesses of short codes.

-- +goose Up

CREATE TABLE device_logins (
	id uuid PRIMARY KEY,
	device_hash bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
	user_hash bytea NOT NULL UNIQUE, -- SHA-256 of the code that the person enters
	client text NOT NULL, -- as it calls itself
	address text NOT NULL, -- where it asked from
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	interval_seconds integer NOT NULL, -- between two of its questions
	asked_at timestamptz, -- when it last asked
	decided_at timestamptz,
	session_id uuid REFERENCES sessions, -- that approved it; null: denied, once decided
	CHECK (session_id IS NULL OR decided_at IS NOT NULL)
);
CREATE INDEX device_logins_expiry ON device_logins (expires_at);

-- Wrong guesses of what is short enough to be guessed.
CREATE TABLE guesses (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	subject text NOT NULL, -- who guesses what
	at timestamptz NOT NULL
);
CREATE INDEX guesses_subject ON guesses (subject, at);
CREATE INDEX guesses_age ON guesses (at);

GRANT SELECT, INSERT, UPDATE, DELETE ON device_logins TO souk_system;
GRANT SELECT, INSERT, DELETE ON guesses TO souk_system;
