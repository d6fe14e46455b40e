-- What zones have said of their own meters, as they said it. What of it counts is in
-- usage_events.

-- +goose Up

CREATE TABLE usage_reports (
	zone_id uuid NOT NULL REFERENCES zones,
	epoch bigint NOT NULL,
	sequence bigint NOT NULL,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	boot_id text NOT NULL,
	meter text NOT NULL,
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL,
	quantity bigint NOT NULL,
	reported_at timestamptz NOT NULL, -- as the agent said, by Souk's clock
	real_at timestamptz NOT NULL, -- as the agent said, by the machine's clock
	recorded_at timestamptz NOT NULL,
	PRIMARY KEY (zone_id, epoch, sequence),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX usage_reports_of_instance ON usage_reports (instance_id);
CREATE TRIGGER usage_reports_grow_only BEFORE UPDATE OR DELETE ON usage_reports FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('usage_reports');
GRANT SELECT ON usage_reports TO souk_app;
GRANT SELECT, INSERT ON usage_reports TO souk_system;
