-- Production readiness of services: what a conformance run provoked of their alerts, how
-- what is in use fared, and what the operator waives.

-- +goose Up

-- api.AlertProof, of the capability alerting: which alerts were provoked.
ALTER TABLE conformance_proofs ADD COLUMN alerts jsonb NOT NULL DEFAULT '[]';

CREATE TABLE service_observations (
	service_id uuid NOT NULL REFERENCES services,
	zone_id uuid NOT NULL REFERENCES zones,
	observed_at timestamptz NOT NULL,
	figures jsonb NOT NULL, -- maturity.Figures: counts over all organizations
	PRIMARY KEY (service_id, zone_id)
);

-- Of which instances they are: for the operator only.
CREATE TABLE service_observation_records (
	service_id uuid NOT NULL,
	zone_id uuid NOT NULL,
	records jsonb NOT NULL, -- api.ReadinessRecord
	PRIMARY KEY (service_id, zone_id),
	FOREIGN KEY (service_id, zone_id) REFERENCES service_observations
);
ALTER TABLE service_observation_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE service_observation_records FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON service_observation_records TO souk_owner USING (true) WITH CHECK (true);
CREATE POLICY system_all ON service_observation_records TO souk_system USING (true) WITH CHECK (true);
CREATE POLICY operator_reads ON service_observation_records FOR SELECT TO souk_app USING ((SELECT cross_reader()) = 'operator');

CREATE TABLE readiness_waivers (
	id uuid PRIMARY KEY,
	service_id uuid NOT NULL REFERENCES services,
	zone_id uuid NOT NULL REFERENCES zones,
	name text NOT NULL, -- of the check
	reason text NOT NULL,
	waived_by text NOT NULL, -- person or token of the operator's
	created_at timestamptz NOT NULL,
	until_at timestamptz NOT NULL,
	ended_by text NOT NULL DEFAULT '',
	ended_at timestamptz, -- before its time
	CHECK (until_at > created_at),
	CHECK ((ended_at IS NULL) = (ended_by = ''))
);
CREATE INDEX readiness_waivers_of_service ON readiness_waivers (service_id, zone_id, created_at);

GRANT SELECT ON service_observations, service_observation_records, readiness_waivers TO souk_app;
GRANT SELECT, INSERT, UPDATE ON service_observations, service_observation_records, readiness_waivers TO souk_system;
