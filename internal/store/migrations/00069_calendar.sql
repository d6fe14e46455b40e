-- Planned work as a calendar that programs of people's own read.

-- +goose Up

-- How often a maintenance was changed, and when last: programs take a change by that.
ALTER TABLE maintenances ADD COLUMN sequence integer NOT NULL DEFAULT 0;
ALTER TABLE maintenances ADD COLUMN changed_at timestamptz; -- null: not since it was planned

-- The address of a calendar is a secret: who has it reads what its holder may see.
CREATE TABLE calendar_feeds (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	account_id uuid REFERENCES accounts ON DELETE CASCADE,
	token_id uuid REFERENCES tokens ON DELETE CASCADE,
	secret_hash bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
	created_at timestamptz NOT NULL,
	last_read_at timestamptz,
	CHECK (num_nonnulls(account_id, token_id) = 1)
);
CREATE UNIQUE INDEX calendar_feeds_once ON calendar_feeds (organization_id, coalesce(account_id, token_id));
CALL make_tenant_table('calendar_feeds');
GRANT SELECT, INSERT, UPDATE, DELETE ON calendar_feeds TO souk_app, souk_system;
