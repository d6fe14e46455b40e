-- What zones reported of backups: numbered among the facts of a zone's epoch, so
-- that with them no number is missing.

-- +goose Up
CREATE TABLE backup_reports (
	zone_id uuid NOT NULL REFERENCES zones,
	epoch bigint NOT NULL,
	sequence bigint NOT NULL,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	boot_id text NOT NULL,
	reported_at timestamptz NOT NULL, -- as the agent said, by Souk's clock
	real_at timestamptz NOT NULL, -- as the agent said, by the machine's clock
	received_at timestamptz NOT NULL,
	PRIMARY KEY (zone_id, epoch, sequence),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX backup_reports_instance ON backup_reports (instance_id);
CREATE TRIGGER backup_reports_grow_only BEFORE UPDATE OR DELETE ON backup_reports FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('backup_reports');
GRANT SELECT ON backup_reports TO souk_app;
GRANT SELECT, INSERT ON backup_reports TO souk_system;
