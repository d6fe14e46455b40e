-- What the books came to each time they were held against each other.

-- +goose Up

CREATE TABLE reconciliations (
	id uuid PRIMARY KEY,
	hour timestamptz UNIQUE, -- that it was due for; null: somebody asked for it
	recorded_at timestamptz NOT NULL,
	checks jsonb NOT NULL, -- what was compared, how much of it, and what differs
	differences bigint NOT NULL CHECK (differences >= 0),
	-- The alert that was told: the first of those that found differences one after the
	-- other, until one finds none.
	alert uuid REFERENCES reconciliations,
	CHECK ((alert IS NULL) = (differences = 0))
);
CREATE INDEX reconciliations_recorded ON reconciliations (recorded_at);
CREATE TRIGGER reconciliations_grow_only BEFORE UPDATE OR DELETE ON reconciliations FOR EACH ROW EXECUTE FUNCTION forbid_change();

ALTER TABLE reconciliations ENABLE ROW LEVEL SECURITY;
ALTER TABLE reconciliations FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON reconciliations TO souk_owner USING (true) WITH CHECK (true);
CREATE POLICY system_all ON reconciliations TO souk_system USING (true) WITH CHECK (true);
CREATE POLICY operator_reads ON reconciliations FOR SELECT TO souk_app USING ((SELECT cross_reader()) = 'operator');
GRANT SELECT ON reconciliations TO souk_app;
GRANT SELECT, INSERT ON reconciliations TO souk_system;
