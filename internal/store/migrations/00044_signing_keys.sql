-- The keys by which evidence is signed: certificates of restores, SLA reports,
-- results of conformance.

-- +goose Up

CREATE TABLE signing_keys (
	id text PRIMARY KEY, -- the thumbprint of the public key (RFC 7638)
	public_key bytea NOT NULL CHECK (length(public_key) = 32), -- Ed25519
	sealed bytea NOT NULL, -- the private key's seed, envelope encrypted
	created_at timestamptz NOT NULL
);

GRANT SELECT, INSERT ON signing_keys TO souk_system;
