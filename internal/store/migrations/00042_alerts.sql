-- Alerts about instances, and the channels that organizations are told of them by.

-- +goose Up

CREATE TABLE alert_channels (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	name text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	kind text NOT NULL CHECK (kind IN ('mail', 'webhook', 'slack', 'pagerduty')),
	target text NOT NULL, -- an e-mail address, or the host of the address: what may be shown
	sealed bytea, -- address, secret and key; null: mail has none
	quiet_from text NOT NULL DEFAULT '', -- "22:00"; "": no quiet hours
	quiet_to text NOT NULL DEFAULT '',
	quiet_zone text NOT NULL DEFAULT '', -- as IANA names it
	created_at timestamptz NOT NULL,
	UNIQUE (organization_id, name),
	UNIQUE (organization_id, id),
	CHECK ((sealed IS NULL) = (kind = 'mail')),
	CHECK ((quiet_from = '') = (quiet_to = '') AND (quiet_from = '') = (quiet_zone = ''))
);
CALL make_tenant_table('alert_channels');

CREATE TABLE alerts (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	project_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	name text NOT NULL, -- of the rule
	title text NOT NULL,
	severity text NOT NULL CHECK (severity IN ('critical', 'warning')),
	summary text NOT NULL, -- with the value at which it began
	runbook text NOT NULL,
	state text NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
	pending_since timestamptz NOT NULL,
	firing_since timestamptz, -- null: never fired
	resolved_at timestamptz,
	resolution text NOT NULL DEFAULT '' CHECK (resolution IN ('', 'over', 'ended')), -- ended: the instance was suspended or deleted
	no_data_since timestamptz, -- while nothing is known of its figure
	FOREIGN KEY (organization_id, project_id) REFERENCES projects (organization_id, id) ON DELETE CASCADE,
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
	CHECK ((state = 'pending') = (firing_since IS NULL))
);
CREATE UNIQUE INDEX alerts_open ON alerts (instance_id, name) WHERE state <> 'resolved';
CREATE INDEX alerts_listed ON alerts (organization_id, id);
CREATE INDEX alerts_age ON alerts (resolved_at) WHERE state = 'resolved';
CALL make_tenant_table('alerts');

-- Messages on their way, and the log of those before. One takes up what happens
-- until it is tried for the first time.
CREATE TABLE alert_deliveries (
	id uuid PRIMARY KEY, -- told to the receiver: the same at each try
	organization_id uuid NOT NULL REFERENCES organizations,
	channel_id uuid, -- null: the channel was deleted
	channel_name text NOT NULL,
	lane text NOT NULL CHECK (lane IN ('critical', 'warning', 'test')), -- in each of which they go in order
	notices jsonb NOT NULL DEFAULT '[]', -- what happened, as it is told
	status text NOT NULL CHECK (status IN ('waiting', 'sent', 'failed', 'cancelled')),
	attempts integer NOT NULL DEFAULT 0,
	last_error text NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL,
	next_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	sent_at timestamptz,
	FOREIGN KEY (organization_id, channel_id) REFERENCES alert_channels (organization_id, id) ON DELETE SET NULL (channel_id),
	CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
	CHECK (status <> 'waiting' OR channel_id IS NOT NULL)
);
CREATE INDEX alert_deliveries_due ON alert_deliveries (next_at) WHERE status = 'waiting';
CREATE INDEX alert_deliveries_lane ON alert_deliveries (channel_id, lane, id) WHERE status = 'waiting';
CREATE INDEX alert_deliveries_listed ON alert_deliveries (organization_id, id);
CREATE INDEX alert_deliveries_age ON alert_deliveries (created_at) WHERE status <> 'waiting';
CALL make_tenant_table('alert_deliveries');

-- Whose turn it is to evaluate: the one that raised the number last.
CREATE TABLE alert_turn (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	number bigint NOT NULL,
	next_at timestamptz NOT NULL
);
INSERT INTO alert_turn (number, next_at) VALUES (0, '2000-01-01');

GRANT SELECT, INSERT, UPDATE, DELETE ON alert_channels TO souk_app;
GRANT SELECT ON alerts TO souk_app;
GRANT SELECT, INSERT, UPDATE ON alert_deliveries TO souk_app;
GRANT SELECT ON alert_channels TO souk_system;
GRANT SELECT, INSERT, UPDATE, DELETE ON alerts, alert_deliveries TO souk_system;
GRANT SELECT, UPDATE ON alert_turn TO souk_system;
