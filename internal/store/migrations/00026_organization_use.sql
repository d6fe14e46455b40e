-- What each organization has that counts against its quota: kept by a trigger, so
-- that an order need not add up everything that there is.

-- +goose Up

CREATE TABLE organization_use (
	organization_id uuid PRIMARY KEY REFERENCES organizations,
	instances bigint NOT NULL,
	cpu_millis bigint NOT NULL,
	memory_mib bigint NOT NULL,
	storage_gib bigint NOT NULL
);
CALL make_tenant_table('organization_use');

-- Instances count until they are deleted.
-- +goose StatementBegin
CREATE FUNCTION keep_organization_use() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
	had integer := CASE WHEN TG_OP <> 'INSERT' AND OLD.intent IN ('active', 'suspended') THEN 1 ELSE 0 END;
	has integer := CASE WHEN TG_OP <> 'DELETE' AND NEW.intent IN ('active', 'suspended') THEN 1 ELSE 0 END;
	before plan_revisions;
	after plan_revisions;
BEGIN
	IF had = has AND (had = 0 OR (NEW.plan_revision_id = OLD.plan_revision_id AND NEW.storage_gib = OLD.storage_gib)) THEN
		RETURN NULL;
	END IF;
	IF TG_OP <> 'INSERT' THEN
		SELECT * INTO before FROM plan_revisions WHERE id = OLD.plan_revision_id;
	END IF;
	IF TG_OP <> 'DELETE' THEN
		SELECT * INTO after FROM plan_revisions WHERE id = NEW.plan_revision_id;
	END IF;
	INSERT INTO organization_use AS u (organization_id, instances, cpu_millis, memory_mib, storage_gib)
	VALUES (coalesce(NEW.organization_id, OLD.organization_id), has - had,
		has * coalesce(after.cpu_millis, 0) - had * coalesce(before.cpu_millis, 0),
		has * coalesce(after.memory_mib, 0) - had * coalesce(before.memory_mib, 0),
		has * coalesce(NEW.storage_gib, 0) - had * coalesce(OLD.storage_gib, 0))
	ON CONFLICT (organization_id) DO UPDATE SET instances = u.instances + excluded.instances, cpu_millis = u.cpu_millis + excluded.cpu_millis,
		memory_mib = u.memory_mib + excluded.memory_mib, storage_gib = u.storage_gib + excluded.storage_gib;
	RETURN NULL;
END $$;
-- +goose StatementEnd

LOCK TABLE instances IN SHARE ROW EXCLUSIVE MODE;
CREATE TRIGGER instances_counted AFTER INSERT OR DELETE OR UPDATE OF intent, plan_revision_id, storage_gib ON instances FOR EACH ROW EXECUTE FUNCTION keep_organization_use();
INSERT INTO organization_use (organization_id, instances, cpu_millis, memory_mib, storage_gib)
SELECT i.organization_id, count(*), sum(p.cpu_millis), sum(p.memory_mib), sum(i.storage_gib)
FROM instances i JOIN plan_revisions p ON p.id = i.plan_revision_id WHERE i.intent IN ('active', 'suspended') GROUP BY i.organization_id;
DROP INDEX instances_that_count;

GRANT SELECT ON organization_use TO souk_app, souk_system;
