-- Pages of a listing are found on an index, whatever they are sorted or chosen
-- by, so that they cost the same among ten instances and a hundred thousand.

-- +goose Up

CREATE INDEX instances_by_age ON instances (project_id, created_at, id);
CREATE INDEX instances_by_change ON instances (project_id, updated_at, id);
CREATE INDEX instances_by_phase ON instances (project_id, phase, id);
CREATE INDEX instances_by_service ON instances (project_id, service, id);
CREATE INDEX instances_by_plan ON instances (project_id, plan_revision_id, id);
-- What an organization uses of its quota, which each order asks.
CREATE INDEX instances_that_count ON instances (organization_id, plan_revision_id) INCLUDE (storage_gib) WHERE intent IN ('active', 'suspended');
-- The operator's, over all organizations.
CREATE INDEX instances_by_age_anywhere ON instances (created_at, id);

-- The labels of instances, one a row. An index over the documents themselves
-- would not be used: under row-level security the operators of jsonb come after
-- the policies, unlike the equality of texts.
CREATE TABLE instance_labels (
	organization_id uuid NOT NULL,
	project_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	key text NOT NULL,
	value text NOT NULL,
	PRIMARY KEY (instance_id, key),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX instance_labels_by_value ON instance_labels (project_id, key, value, instance_id);
CALL make_tenant_table('instance_labels');

-- +goose StatementBegin
CREATE FUNCTION keep_instance_labels() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		DELETE FROM instance_labels WHERE instance_id = NEW.id;
	END IF;
	INSERT INTO instance_labels (organization_id, project_id, instance_id, key, value)
	SELECT NEW.organization_id, NEW.project_id, NEW.id, l.key, l.value FROM jsonb_each_text(NEW.labels) l;
	RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER instances_labelled AFTER INSERT ON instances FOR EACH ROW WHEN (NEW.labels <> '{}') EXECUTE FUNCTION keep_instance_labels();
CREATE TRIGGER instances_relabelled AFTER UPDATE OF labels ON instances FOR EACH ROW WHEN (NEW.labels IS DISTINCT FROM OLD.labels) EXECUTE FUNCTION keep_instance_labels();

INSERT INTO instance_labels (organization_id, project_id, instance_id, key, value)
SELECT i.organization_id, i.project_id, i.id, l.key, l.value FROM instances i, jsonb_each_text(i.labels) l;

GRANT SELECT ON instance_labels TO souk_app, souk_system;
