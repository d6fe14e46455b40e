-- When instances may be maintained, and what is planned and was done of it.

-- +goose Up

-- The weekly window, by the clock on the wall of a zone.
ALTER TABLE instances ADD COLUMN maintenance jsonb NOT NULL DEFAULT '{"day": "sunday", "at": "03:00", "minutes": 120, "timeZone": "UTC"}';
UPDATE instances i SET maintenance = jsonb_set(i.maintenance, '{timeZone}', to_jsonb(o.time_zone)) FROM organizations o WHERE o.id = i.organization_id;
-- A maintenance is under way.
ALTER TABLE instances ADD COLUMN maintaining boolean NOT NULL DEFAULT false;
-- How often its servers were restarted because somebody asked for that.
ALTER TABLE instances ADD COLUMN restarts bigint NOT NULL DEFAULT 0;

CREATE TABLE maintenances (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	kind text NOT NULL CHECK (kind IN ('change', 'restart')),
	title text NOT NULL,
	effect text NOT NULL, -- what it interrupts; '': nothing
	patch jsonb, -- change: a merge patch of the instance's document
	changes jsonb NOT NULL DEFAULT '[]', -- as they were when it was planned; once it has begun, those made
	price_list integer NOT NULL DEFAULT 0, -- that the change was agreed by; 0: it costs the same
	urgent boolean NOT NULL DEFAULT false,
	planned_by text NOT NULL,
	created_at timestamptz NOT NULL,
	first_from timestamptz NOT NULL, -- the window that it was planned for at first
	from_at timestamptz NOT NULL, -- it begins between these two
	until_at timestamptz NOT NULL,
	deferrals integer NOT NULL DEFAULT 0,
	approved_by text NOT NULL DEFAULT '',
	approved_at timestamptz,
	notice_at timestamptz, -- when people are told of it next; null: they have been
	state text NOT NULL CHECK (state IN ('planned', 'running', 'completed', 'failed', 'cancelled')),
	began_at timestamptz,
	ended_at timestamptz,
	generation bigint NOT NULL DEFAULT 0, -- of the instance, that it brought
	interruption_ms bigint, -- as the zone measured it; null: it did not
	message text NOT NULL DEFAULT '',
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CHECK (from_at < until_at),
	CHECK ((kind = 'change') = (patch IS NOT NULL)),
	CHECK (state = 'planned' OR ended_at IS NOT NULL OR state = 'running'),
	CHECK (state <> 'running' OR began_at IS NOT NULL)
);
CREATE INDEX maintenances_of_instance ON maintenances (instance_id, from_at);
CREATE INDEX maintenances_listed ON maintenances (organization_id, from_at);
CREATE INDEX maintenances_due ON maintenances (from_at) WHERE state = 'planned';
CREATE INDEX maintenances_notices ON maintenances (notice_at) WHERE notice_at IS NOT NULL;
CREATE UNIQUE INDEX maintenances_running ON maintenances (instance_id) WHERE state = 'running';
CALL make_tenant_table('maintenances');
GRANT SELECT, INSERT, UPDATE ON maintenances TO souk_app, souk_system;
