-- Restores in place: the data of an instance is replaced by that of a backup of its
-- own, after a backup of what there was.

-- +goose Up
CREATE TABLE rewinds (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	number bigint NOT NULL CHECK (number > 0), -- each higher than the one before
	backup_id uuid NOT NULL REFERENCES backups, -- that is restored
	target timestamptz, -- real time; null: the end of the backup
	safety_id uuid NOT NULL REFERENCES backups, -- of what there was before
	state text NOT NULL CHECK (state IN ('backing-up', 'restoring', 'completed', 'failed')),
	message text NOT NULL DEFAULT '',
	actor text NOT NULL, -- who asked for it
	created_at timestamptz NOT NULL,
	finished_at timestamptz, -- by Souk's clock
	finished_real timestamptz, -- by the zone's: points in time after it go back no further
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	UNIQUE (instance_id, number)
);
CREATE UNIQUE INDEX rewinds_open ON rewinds (instance_id) WHERE state IN ('backing-up', 'restoring');
CALL make_tenant_table('rewinds');

GRANT SELECT, INSERT, UPDATE ON rewinds TO souk_app, souk_system;
