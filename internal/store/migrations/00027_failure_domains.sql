-- What counts as a zone's failure domains is what its agent reports, once it has;
-- until then, what the zone declares.

-- +goose Up

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION check_offering_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.service_level = 'guaranteed' AND (
		SELECT CASE WHEN jsonb_typeof(a.info->'failureDomains') = 'array' THEN jsonb_array_length(a.info->'failureDomains') ELSE cardinality(z.failure_domains) END
		FROM zones z LEFT JOIN zone_agents a ON a.zone_id = z.id WHERE z.id = NEW.zone_id) < 3 THEN
		RAISE EXCEPTION 'guaranteed availability cannot be offered with fewer than three failure domains' USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
