-- When a segment's end was recorded is part of what was known when: it stays.

-- +goose Up

-- A row may be closed once and superseded once; nothing else changes.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION segments_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'segments are never deleted' USING ERRCODE = 'restrict_violation';
	END IF;
	IF OLD.superseded_at IS NOT NULL
		OR (OLD.to_at IS NOT NULL AND (NEW.to_at, NEW.to_recorded_at) IS DISTINCT FROM (OLD.to_at, OLD.to_recorded_at))
		OR (NEW.id, NEW.organization_id, NEW.instance_id, NEW.project_id, NEW.billing_account_id, NEW.from_at, NEW.state, NEW.compute_billed, NEW.storage_billed, NEW.plan_revision_id, NEW.price_list_revision_id, NEW.service_level, NEW.storage_gib, NEW.recorded_at)
			IS DISTINCT FROM
		   (OLD.id, OLD.organization_id, OLD.instance_id, OLD.project_id, OLD.billing_account_id, OLD.from_at, OLD.state, OLD.compute_billed, OLD.storage_billed, OLD.plan_revision_id, OLD.price_list_revision_id, OLD.service_level, OLD.storage_gib, OLD.recorded_at) THEN
		RAISE EXCEPTION 'a segment can only be closed or superseded' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
