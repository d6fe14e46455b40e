-- Backups of instances: what is wanted, the key that they are encrypted by, and
-- those that there are. They outlive the instance.

-- +goose Up

-- When backups are taken and how long they are kept; null: none are.
ALTER TABLE instances ADD COLUMN backup jsonb;

-- The backups of one instance as a whole.
CREATE TABLE backup_sets (
	instance_id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	secret bytea NOT NULL, -- the key, envelope encrypted
	created_at timestamptz NOT NULL,
	-- What the zone said last.
	archiving boolean NOT NULL DEFAULT false, -- changes are put away as they come
	archived_until timestamptz, -- real time: every change up to then is kept
	message text NOT NULL DEFAULT '', -- what is wrong
	reported_at timestamptz,
	look_at timestamptz, -- when it is next seen to what has to expire
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX backup_sets_due ON backup_sets (look_at);
CALL make_tenant_table('backup_sets');

CREATE TABLE backups (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	kind text NOT NULL CHECK (kind IN ('scheduled', 'requested')),
	state text NOT NULL CHECK (state IN ('wanted', 'running', 'completed', 'failed', 'lost', 'expiring', 'expired')),
	message text NOT NULL DEFAULT '',
	actor text NOT NULL DEFAULT '', -- who asked for it
	created_at timestamptz NOT NULL, -- asked for, or first heard of
	started_at timestamptz, -- by Souk's clock
	finished_at timestamptz,
	started_real timestamptz, -- by the zone's, which points in time go by
	finished_real timestamptz,
	size_bytes bigint NOT NULL DEFAULT 0,
	stored_bytes bigint NOT NULL DEFAULT 0,
	expired_at timestamptz,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX backups_of_instance ON backups (instance_id, created_at);
CREATE INDEX backups_expiring ON backups (id) WHERE state = 'expiring';
CALL make_tenant_table('backups');

-- What an instance was made of, where it was restored.
CREATE TABLE restores (
	instance_id uuid PRIMARY KEY, -- the new one
	organization_id uuid NOT NULL,
	source_id uuid NOT NULL,
	backup_id uuid NOT NULL REFERENCES backups,
	target timestamptz, -- real time; null: the end of the backup
	created_at timestamptz NOT NULL,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	FOREIGN KEY (organization_id, source_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX restores_of_source ON restores (source_id);
CALL make_tenant_table('restores');

GRANT SELECT, INSERT, UPDATE ON backup_sets, backups TO souk_app, souk_system;
GRANT SELECT, INSERT ON restores TO souk_app, souk_system;
