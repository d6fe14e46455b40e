-- Error budgets that instances use up too fast, and what the operator was told of them.

-- +goose Up

-- Those that were down of late are few among all; they are looked for often.
CREATE INDEX sli_intervals_down ON sli_intervals (to_at) WHERE state = 'down';

CREATE TABLE budget_burns (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	zone_id uuid NOT NULL REFERENCES zones,
	pace text NOT NULL CHECK (pace IN ('fast', 'slow')),
	priority text NOT NULL CHECK (priority IN ('urgent', 'high', 'normal')),
	service_level text NOT NULL,
	objective text NOT NULL, -- in percent
	-- As known last, over the window by which it burns.
	rate double precision NOT NULL, -- times the rate at which a month's budget lasts a month
	window_seconds bigint NOT NULL,
	down_seconds double precision NOT NULL,
	since timestamptz NOT NULL,
	no_data_since timestamptz, -- while it is not known whether it goes on
	ended_at timestamptz,
	resolution text NOT NULL DEFAULT '' CHECK (resolution IN ('', 'over', 'ended')), -- ended: the instance is not to serve any more
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CHECK ((ended_at IS NULL) = (resolution = ''))
);
CREATE UNIQUE INDEX budget_burns_open ON budget_burns (instance_id, pace) WHERE ended_at IS NULL;
CREATE INDEX budget_burns_age ON budget_burns (ended_at) WHERE ended_at IS NOT NULL;
CALL make_tenant_table('budget_burns');

-- One for all that burns in a zone with a priority, so that a zone's outage is one notice.
CREATE TABLE burn_notices (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- of the operator
	zone_id uuid NOT NULL REFERENCES zones,
	priority text NOT NULL CHECK (priority IN ('urgent', 'high', 'normal')),
	summary text NOT NULL, -- as it was told last
	since timestamptz NOT NULL,
	told_at timestamptz NOT NULL,
	ended_at timestamptz
);
CREATE UNIQUE INDEX burn_notices_open ON burn_notices (zone_id, priority) WHERE ended_at IS NULL;
CREATE INDEX burn_notices_age ON burn_notices (ended_at) WHERE ended_at IS NOT NULL;
CALL make_tenant_table('burn_notices');

GRANT SELECT ON budget_burns TO souk_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_burns, burn_notices TO souk_system;
