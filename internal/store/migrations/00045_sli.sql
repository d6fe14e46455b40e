-- For how long instances were up and down, as zones reported it: numbered among the
-- facts of a zone's epoch. What is in no interval was not measured.

-- +goose Up
CREATE TABLE sli_intervals (
	zone_id uuid NOT NULL REFERENCES zones,
	epoch bigint NOT NULL,
	sequence bigint NOT NULL,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	boot_id text NOT NULL,
	state text NOT NULL CHECK (state IN ('up', 'down')),
	-- By Souk's clock, kept within what was known before and the receipt; nothing is
	-- left of one that said nothing new.
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL,
	reported_at timestamptz NOT NULL, -- as the agent said, by Souk's clock
	real_at timestamptz NOT NULL, -- as the agent said, by the machine's clock
	recorded_at timestamptz NOT NULL, -- a report at a watermark sees those recorded until then
	PRIMARY KEY (zone_id, epoch, sequence),
	CHECK (to_at >= from_at),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CONSTRAINT sli_intervals_no_overlap EXCLUDE USING gist (instance_id WITH =, tstzrange(from_at, to_at, '[)') WITH &&)
);
CREATE INDEX sli_intervals_of_instance ON sli_intervals (instance_id, to_at);
CREATE TRIGGER sli_intervals_grow_only BEFORE UPDATE OR DELETE ON sli_intervals FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('sli_intervals');
GRANT SELECT ON sli_intervals TO souk_app;
GRANT SELECT, INSERT ON sli_intervals TO souk_system;
