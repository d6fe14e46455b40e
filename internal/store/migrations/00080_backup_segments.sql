-- Backups are billed by a chain of their own, from the first one until the last has
-- expired: it outlives the instance.

-- +goose Up

-- What was added to, and taken from, what is kept of an instance. What a chain is
-- derived from.
CREATE TABLE backup_steps (
	ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	backup_id uuid NOT NULL REFERENCES backups,
	kept boolean NOT NULL, -- from then on, or not any more
	bytes bigint NOT NULL CHECK (bytes >= 0),
	effective_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL,
	CHECK (effective_at <= recorded_at),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX backup_steps_instance ON backup_steps (instance_id, ordinal);
CREATE TRIGGER backup_steps_grow_only BEFORE UPDATE OR DELETE ON backup_steps FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('backup_steps');

CREATE TABLE backup_segments (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	project_id uuid NOT NULL,
	billing_account_id uuid NOT NULL REFERENCES organizations,
	from_at timestamptz NOT NULL,
	to_at timestamptz, -- null: it goes on
	bytes bigint NOT NULL CHECK (bytes >= 0), -- of all backups together
	plan_revision_id uuid NOT NULL REFERENCES plan_revisions,
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	service_level text NOT NULL,
	-- What was known when, as of segments.
	recorded_at timestamptz NOT NULL,
	to_recorded_at timestamptz,
	superseded_at timestamptz,
	CHECK (to_at > from_at),
	CHECK ((to_at IS NULL) = (to_recorded_at IS NULL)),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CONSTRAINT backup_segments_no_overlap EXCLUDE USING gist (instance_id WITH =, tstzrange(from_at, to_at, '[)') WITH &&) WHERE (superseded_at IS NULL)
);
CREATE INDEX backup_segments_of_instance ON backup_segments (instance_id, from_at);
CREATE INDEX backup_segments_period ON backup_segments USING gist (organization_id, tstzrange(from_at, to_at, '[)')) WHERE superseded_at IS NULL;
CALL make_tenant_table('backup_segments');

-- A row may be closed once and superseded once; nothing else changes.
-- +goose StatementBegin
CREATE FUNCTION backup_segments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'segments of backups are never deleted' USING ERRCODE = 'restrict_violation';
	END IF;
	IF OLD.superseded_at IS NOT NULL
		OR (OLD.to_at IS NOT NULL AND (NEW.to_at, NEW.to_recorded_at) IS DISTINCT FROM (OLD.to_at, OLD.to_recorded_at))
		OR (NEW.id, NEW.organization_id, NEW.instance_id, NEW.project_id, NEW.billing_account_id, NEW.from_at, NEW.bytes, NEW.plan_revision_id, NEW.price_list_revision_id, NEW.service_level, NEW.recorded_at)
			IS DISTINCT FROM
		   (OLD.id, OLD.organization_id, OLD.instance_id, OLD.project_id, OLD.billing_account_id, OLD.from_at, OLD.bytes, OLD.plan_revision_id, OLD.price_list_revision_id, OLD.service_level, OLD.recorded_at) THEN
		RAISE EXCEPTION 'a segment of backups can only be closed or superseded' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER backup_segments_guarded BEFORE UPDATE OR DELETE ON backup_segments FOR EACH ROW EXECUTE FUNCTION backup_segments_guard();

-- At commit each link must start where the one before ended, and the last must be
-- open exactly while something is kept.
-- +goose StatementBegin
CREATE FUNCTION check_backup_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	gap timestamptz;
BEGIN
	SELECT next INTO gap FROM (
		SELECT to_at, lead(from_at) OVER (ORDER BY from_at) AS next FROM backup_segments WHERE instance_id = NEW.instance_id AND superseded_at IS NULL
	) links WHERE next IS NOT NULL AND to_at IS DISTINCT FROM next LIMIT 1;
	IF gap IS NOT NULL THEN
		RAISE EXCEPTION 'the chain of the backups of instance % has a gap before %', NEW.instance_id, gap USING ERRCODE = 'SK002';
	END IF;
	IF EXISTS (SELECT FROM backup_segments WHERE instance_id = NEW.instance_id AND superseded_at IS NULL AND to_at IS NULL)
		IS DISTINCT FROM
	   EXISTS (SELECT FROM (SELECT DISTINCT ON (backup_id) kept FROM backup_steps WHERE instance_id = NEW.instance_id ORDER BY backup_id, ordinal DESC) last WHERE kept) THEN
		RAISE EXCEPTION 'the chain of the backups of instance % must be open exactly while one is kept', NEW.instance_id USING ERRCODE = 'SK002';
	END IF;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER backup_segments_chained AFTER INSERT OR UPDATE ON backup_segments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_backup_chain();
CREATE CONSTRAINT TRIGGER backup_steps_chained AFTER INSERT ON backup_steps DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_backup_chain();

GRANT SELECT, INSERT ON backup_steps, backup_segments TO souk_app, souk_system;
GRANT UPDATE (to_at, to_recorded_at, superseded_at) ON backup_segments TO souk_app, souk_system;

-- Those that are kept already are accounted for when they are seen to next: now. They
-- stay free, for no price list that was accepted before has a price for them.
UPDATE backup_sets SET look_at = reported_at WHERE reported_at IS NOT NULL;

ALTER TABLE prices DROP CONSTRAINT prices_item_check, DROP CONSTRAINT prices_check;
ALTER TABLE prices ADD CONSTRAINT prices_item_check CHECK (item IN ('compute', 'storage', 'backup-storage')),
	ADD CONSTRAINT prices_check CHECK ((item = 'compute') = (unit IN ('hour', 'month')));
