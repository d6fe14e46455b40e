-- Restore drills: backups that are restored on trial, and what came of it.

-- +goose Up

-- When the next drill is due; null: none is.
ALTER TABLE backup_sets ADD COLUMN drill_due timestamptz;

CREATE TABLE drills (
	id uuid PRIMARY KEY, -- of the instance that it makes in the zone as well
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL, -- whose backup is restored
	backup_id uuid NOT NULL REFERENCES backups,
	kind text NOT NULL CHECK (kind IN ('scheduled', 'requested')),
	state text NOT NULL CHECK (state IN ('wanted', 'running', 'passed', 'failed', 'cancelled')),
	message text NOT NULL DEFAULT '',
	actor text NOT NULL DEFAULT '', -- who asked for it
	created_at timestamptz NOT NULL,
	started_at timestamptz, -- by Souk's clock
	finished_at timestamptz,
	measured jsonb, -- as the zone reported
	certificate text NOT NULL DEFAULT '', -- signed once the drill is over
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CHECK (certificate = '' OR state IN ('passed', 'failed'))
);
CREATE UNIQUE INDEX drills_open ON drills (instance_id) WHERE state IN ('wanted', 'running');
CREATE INDEX drills_of_instance ON drills (instance_id, id);
CREATE INDEX drills_unsigned ON drills (id) WHERE state IN ('passed', 'failed') AND certificate = '';
CALL make_tenant_table('drills');

GRANT SELECT, INSERT, UPDATE ON drills TO souk_app, souk_system;
