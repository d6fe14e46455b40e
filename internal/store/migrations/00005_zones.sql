-- Agents of zones: enrolment, certificates, connection; the clock; feeds.

-- +goose Up

CREATE TABLE zone_agents (
	zone_id uuid PRIMARY KEY REFERENCES zones,
	epoch bigint NOT NULL, -- raised with each enrolment; facts are numbered within it
	key_hash bytea NOT NULL, -- SHA-256 of the public key of the newest certificate
	previous_key_hash bytea, -- still good until the newest has been used
	not_after timestamptz NOT NULL, -- real time
	enrolled_at timestamptz NOT NULL,
	revoked_at timestamptz,
	boot_id text NOT NULL DEFAULT '',
	version text NOT NULL DEFAULT '',
	info jsonb NOT NULL DEFAULT '{}',
	acknowledged bigint NOT NULL DEFAULT 0, -- facts of this epoch
	last_seen_at timestamptz, -- business time
	last_seen_real timestamptz
);

CREATE TABLE enrolment_tokens (
	id uuid PRIMARY KEY,
	zone_id uuid NOT NULL REFERENCES zones,
	secret_hash bytea NOT NULL UNIQUE,
	created_by text NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	used_key_hash bytea, -- spent for this key
	epoch bigint
);

-- Certificate authorities of the control plane; keys under envelope encryption.
CREATE TABLE authorities (
	name text PRIMARY KEY,
	certificate text NOT NULL,
	private_key bytea NOT NULL,
	created_at timestamptz NOT NULL
);

-- Souk's clock: real time plus offset, never behind floor_at.
CREATE TABLE business_clock (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	offset_microseconds bigint NOT NULL DEFAULT 0 CHECK (offset_microseconds >= 0),
	floor_at timestamptz NOT NULL
);

-- Everything that watchers follow, append-only, read in (xid, sequence) order
-- below the oldest running transaction.
CREATE TABLE changes (
	xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
	sequence bigint GENERATED ALWAYS AS IDENTITY,
	kind text NOT NULL,
	object_id uuid NOT NULL,
	organization_id uuid NOT NULL,
	project_id uuid,
	zone_id uuid,
	desired boolean NOT NULL DEFAULT false, -- the zone has to act
	at timestamptz NOT NULL,
	PRIMARY KEY (xid, sequence)
);
CREATE INDEX changes_age ON changes (at);
CREATE INDEX changes_desired ON changes (zone_id, xid, sequence) WHERE desired;

-- Everything up to here has been compacted away.
CREATE TABLE changes_floor (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	xid xid8 NOT NULL,
	sequence bigint NOT NULL
);
INSERT INTO changes_floor (xid, sequence) VALUES ('0', 0);

-- +goose StatementBegin
CREATE FUNCTION notify_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_notify('souk_changes', '');
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER changes_told AFTER INSERT ON changes FOR EACH STATEMENT EXECUTE FUNCTION notify_changes();

GRANT SELECT, INSERT, UPDATE ON zone_agents, business_clock TO souk_system;
GRANT SELECT ON zone_agents, business_clock TO souk_app;
GRANT SELECT, INSERT, UPDATE ON enrolment_tokens TO souk_system;
GRANT SELECT, INSERT ON authorities TO souk_system;
GRANT INSERT ON changes TO souk_app, souk_system;
GRANT SELECT, DELETE ON changes TO souk_system;
GRANT SELECT, UPDATE ON changes_floor TO souk_system;
