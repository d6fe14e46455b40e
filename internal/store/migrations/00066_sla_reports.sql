-- SLA reports that Souk made by itself when a month was over. A report is made again
-- from its watermark, byte for byte.

-- +goose Up
CREATE TABLE sla_reports (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	period text NOT NULL CHECK (period ~ '^[0-9]{4}-[0-9]{2}$'), -- a month in the organization's zone
	watermark timestamptz NOT NULL,
	rules_version integer NOT NULL,
	instances integer NOT NULL, -- that are in it
	missed integer NOT NULL, -- of these, that missed their objectives
	sha256 text NOT NULL, -- of what is signed
	made_at timestamptz NOT NULL,
	UNIQUE (organization_id, period)
);
CALL make_tenant_table('sla_reports');
CREATE TRIGGER sla_reports_immutable BEFORE UPDATE OR DELETE ON sla_reports FOR EACH ROW EXECUTE FUNCTION forbid_change();
GRANT SELECT ON sla_reports TO souk_app;
GRANT SELECT, INSERT ON sla_reports TO souk_system;
