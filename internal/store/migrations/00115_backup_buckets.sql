-- Buckets of customers, which backups are kept in instead of a zone's own place.

-- +goose Up
CREATE TABLE backup_buckets (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	name text NOT NULL,
	endpoint text NOT NULL, -- host that the service's certificate names
	port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
	region text NOT NULL,
	bucket text NOT NULL,
	prefix text NOT NULL DEFAULT '',
	ca_pem text NOT NULL DEFAULT '', -- '': what the zone's machine trusts
	access_key text NOT NULL,
	secret bytea NOT NULL, -- the secret key, envelope encrypted
	actor text NOT NULL,
	created_at timestamptz NOT NULL,
	UNIQUE (organization_id, name),
	UNIQUE (organization_id, id)
);
CALL make_tenant_table('backup_buckets');
GRANT SELECT, INSERT, DELETE ON backup_buckets TO souk_app, souk_system;
GRANT UPDATE (name) ON backup_buckets TO souk_app; -- for locks; none is renamed

-- Where a backup lies, and where those of an instance were put last; null: the zone's place.
ALTER TABLE backups ADD COLUMN bucket_id uuid, ADD FOREIGN KEY (organization_id, bucket_id) REFERENCES backup_buckets (organization_id, id);
ALTER TABLE backup_sets ADD COLUMN bucket_id uuid, ADD FOREIGN KEY (organization_id, bucket_id) REFERENCES backup_buckets (organization_id, id);
CREATE INDEX backups_in_bucket ON backups (bucket_id) WHERE bucket_id IS NOT NULL;
