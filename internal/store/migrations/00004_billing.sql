-- The billing chain: one per instance, half-open intervals without gap or
-- overlap, from the accepted order until the instance is purged.

-- +goose Up

CREATE TABLE segments (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	project_id uuid NOT NULL,
	billing_account_id uuid NOT NULL REFERENCES organizations,
	from_at timestamptz NOT NULL,
	to_at timestamptz, -- null: it goes on
	state text NOT NULL CHECK (state IN ('provisioning', 'active', 'failed', 'suspended', 'deleted', 'resuming', 'purging')),
	compute_billed boolean NOT NULL,
	storage_billed boolean NOT NULL,
	plan_revision_id uuid NOT NULL REFERENCES plan_revisions,
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	service_level text NOT NULL,
	storage_gib bigint NOT NULL,
	-- What was known when: a run at a watermark W sees the rows recorded by W
	-- and not superseded by W, with to_at only if it was recorded by W.
	recorded_at timestamptz NOT NULL,
	to_recorded_at timestamptz,
	superseded_at timestamptz,
	CHECK (to_at > from_at),
	CHECK ((to_at IS NULL) = (to_recorded_at IS NULL)),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id),
	CONSTRAINT segments_no_overlap EXCLUDE USING gist (instance_id WITH =, tstzrange(from_at, to_at, '[)') WITH &&) WHERE (superseded_at IS NULL)
);
CREATE INDEX segments_chain ON segments (instance_id, from_at) WHERE superseded_at IS NULL;
CREATE INDEX segments_period ON segments USING gist (organization_id, tstzrange(from_at, to_at, '[)')) WHERE superseded_at IS NULL;
CALL make_tenant_table('segments');

-- A row may be closed once and superseded once; nothing else changes.
-- +goose StatementBegin
CREATE FUNCTION segments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'segments are never deleted' USING ERRCODE = 'restrict_violation';
	END IF;
	IF OLD.superseded_at IS NOT NULL
		OR (OLD.to_at IS NOT NULL AND NEW.to_at IS DISTINCT FROM OLD.to_at)
		OR (NEW.id, NEW.organization_id, NEW.instance_id, NEW.project_id, NEW.billing_account_id, NEW.from_at, NEW.state, NEW.compute_billed, NEW.storage_billed, NEW.plan_revision_id, NEW.price_list_revision_id, NEW.service_level, NEW.storage_gib, NEW.recorded_at)
			IS DISTINCT FROM
		   (OLD.id, OLD.organization_id, OLD.instance_id, OLD.project_id, OLD.billing_account_id, OLD.from_at, OLD.state, OLD.compute_billed, OLD.storage_billed, OLD.plan_revision_id, OLD.price_list_revision_id, OLD.service_level, OLD.storage_gib, OLD.recorded_at) THEN
		RAISE EXCEPTION 'a segment can only be closed or superseded' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER segments_guarded BEFORE UPDATE OR DELETE ON segments FOR EACH ROW EXECUTE FUNCTION segments_guard();

-- At commit each link must start where the one before ended, the first where
-- the order was accepted, and the last must be open unless the instance is purged.
-- +goose StatementBegin
CREATE FUNCTION check_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	i instances;
	before segments;
	here segments;
	after segments;
BEGIN
	SELECT * INTO i FROM instances WHERE id = NEW.instance_id;
	SELECT * INTO here FROM segments WHERE instance_id = NEW.instance_id AND superseded_at IS NULL AND from_at <= NEW.from_at ORDER BY from_at DESC LIMIT 1;
	SELECT * INTO after FROM segments WHERE instance_id = NEW.instance_id AND superseded_at IS NULL AND from_at > NEW.from_at ORDER BY from_at LIMIT 1;
	IF here.id IS NULL THEN
		RAISE EXCEPTION 'the billing chain of instance % has no link at %', NEW.instance_id, NEW.from_at USING ERRCODE = 'SK002';
	END IF;
	SELECT * INTO before FROM segments WHERE instance_id = NEW.instance_id AND superseded_at IS NULL AND from_at < here.from_at ORDER BY from_at DESC LIMIT 1;
	IF before.id IS NULL AND here.from_at <> i.created_at THEN
		RAISE EXCEPTION 'the billing chain of instance % does not start with its order', NEW.instance_id USING ERRCODE = 'SK002';
	END IF;
	IF before.id IS NOT NULL AND before.to_at IS DISTINCT FROM here.from_at THEN
		RAISE EXCEPTION 'the billing chain of instance % has a gap before %', NEW.instance_id, here.from_at USING ERRCODE = 'SK002';
	END IF;
	IF after.id IS NOT NULL AND here.to_at IS DISTINCT FROM after.from_at THEN
		RAISE EXCEPTION 'the billing chain of instance % has a gap before %', NEW.instance_id, after.from_at USING ERRCODE = 'SK002';
	END IF;
	IF after.id IS NULL AND (here.to_at IS NOT NULL) <> (i.phase = 'Purged') THEN
		RAISE EXCEPTION 'the billing chain of instance % must be open until it is purged', NEW.instance_id USING ERRCODE = 'SK002';
	END IF;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER segments_chained AFTER INSERT OR UPDATE ON segments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_chain();

GRANT SELECT, INSERT ON segments TO souk_app, souk_system;
GRANT UPDATE (to_at, to_recorded_at, superseded_at) ON segments TO souk_app, souk_system;
