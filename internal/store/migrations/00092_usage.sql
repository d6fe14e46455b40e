-- Usage: what providers and zones say that was consumed, and the hours that it adds up
-- to. What is in no mark is not known to be complete: no data is not zero.

-- +goose Up

CREATE TABLE usage_events (
	sender_id uuid NOT NULL, -- the provider's organization, or the zone that measured
	source text NOT NULL,
	event_id text NOT NULL,
	digest bytea NOT NULL, -- SHA-256 of all that counts of it
	organization_id uuid NOT NULL, -- the instance's
	instance_id uuid NOT NULL,
	meter text NOT NULL,
	from_at timestamptz NOT NULL, -- with quantity it lies within an hour; equal to to_at: a moment
	to_at timestamptz NOT NULL,
	quantity bigint CHECK (quantity >= 0), -- null: it only says that what was sent is complete
	complete boolean NOT NULL, -- all that there was in this time has been sent
	recorded_at timestamptz NOT NULL,
	CHECK (to_at >= from_at),
	CHECK (quantity IS NOT NULL OR complete),
	-- The instance is held by that of the window that it changes.
	PRIMARY KEY (sender_id, source, event_id)
);
CREATE INDEX usage_events_of_window ON usage_events (instance_id, meter, from_at);
CREATE TRIGGER usage_events_grow_only BEFORE UPDATE OR DELETE ON usage_events FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('usage_events');

-- What an hour's events add up to, as it was known when: a row is superseded by the
-- next, and never changed.
CREATE TABLE usage_windows (
	ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	meter text NOT NULL,
	hour timestamptz NOT NULL, -- in which it begins, UTC
	quantity bigint NOT NULL CHECK (quantity >= 0), -- in the meter's smallest unit
	events bigint NOT NULL CHECK (events > 0),
	recorded_at timestamptz NOT NULL,
	superseded_at timestamptz CHECK (superseded_at >= recorded_at),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE UNIQUE INDEX usage_windows_live ON usage_windows (instance_id, meter, hour) WHERE superseded_at IS NULL;
CREATE INDEX usage_windows_of_organization ON usage_windows (organization_id, hour);
CREATE INDEX usage_windows_of_instance ON usage_windows (instance_id, hour);
CALL make_tenant_table('usage_windows');

-- +goose StatementBegin
CREATE FUNCTION usage_windows_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		RAISE EXCEPTION 'hours of usage are never deleted' USING ERRCODE = 'restrict_violation';
	END IF;
	IF OLD.superseded_at IS NOT NULL
		OR (NEW.organization_id, NEW.instance_id, NEW.meter, NEW.hour, NEW.quantity, NEW.events, NEW.recorded_at)
			IS DISTINCT FROM
		   (OLD.organization_id, OLD.instance_id, OLD.meter, OLD.hour, OLD.quantity, OLD.events, OLD.recorded_at) THEN
		RAISE EXCEPTION 'an hour of usage can only be superseded' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER usage_windows_guarded BEFORE UPDATE OR DELETE ON usage_windows FOR EACH ROW EXECUTE FUNCTION usage_windows_guard();

-- For which time all usage of a meter has been sent. What overlaps says it twice.
CREATE TABLE usage_marks (
	ordinal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organization_id uuid NOT NULL,
	instance_id uuid NOT NULL,
	meter text NOT NULL,
	from_at timestamptz NOT NULL,
	to_at timestamptz NOT NULL,
	recorded_at timestamptz NOT NULL,
	CHECK (to_at > from_at),
	FOREIGN KEY (organization_id, instance_id) REFERENCES instances (organization_id, id)
);
CREATE INDEX usage_marks_of_instance ON usage_marks (instance_id, meter, to_at);
CREATE TRIGGER usage_marks_grow_only BEFORE UPDATE OR DELETE ON usage_marks FOR EACH ROW EXECUTE FUNCTION forbid_change();
CALL make_tenant_table('usage_marks');

GRANT SELECT ON usage_events, usage_windows, usage_marks TO souk_app;
GRANT SELECT, INSERT ON usage_events, usage_windows, usage_marks TO souk_system;
GRANT UPDATE (superseded_at) ON usage_windows TO souk_system;

