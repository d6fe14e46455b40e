-- Results of conformance runs: what a service was shown to do, in which zone and
-- revision. They are public, signed, and never changed.

-- +goose Up

CREATE TABLE conformance_results (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- that ran it
	service_id uuid NOT NULL REFERENCES services,
	zone_id uuid NOT NULL REFERENCES zones,
	package_revision_id uuid NOT NULL REFERENCES package_revisions,
	result jsonb NOT NULL, -- api.Conformance
	jws text NOT NULL, -- the same, signed
	recorded_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);
CREATE INDEX conformance_results_listed ON conformance_results (service_id, recorded_at DESC, id);
CALL make_tenant_table('conformance_results');

-- What the results show, one row a capability that passed or failed.
CREATE TABLE conformance_proofs (
	result_id uuid NOT NULL REFERENCES conformance_results,
	organization_id uuid NOT NULL REFERENCES organizations,
	service_id uuid NOT NULL REFERENCES services,
	zone_id uuid NOT NULL REFERENCES zones,
	package_revision_id uuid NOT NULL REFERENCES package_revisions,
	capability text NOT NULL,
	state text NOT NULL CHECK (state IN ('passed', 'failed')),
	reason text NOT NULL,
	recorded_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (result_id, capability)
);
CREATE INDEX conformance_proofs_newest ON conformance_proofs (service_id, zone_id, capability, recorded_at DESC, result_id DESC);
CALL make_tenant_table('conformance_proofs');

-- Everybody may see them, as the catalog.
CREATE POLICY public_reads ON conformance_results FOR SELECT TO souk_app USING (true);
CREATE POLICY public_reads ON conformance_proofs FOR SELECT TO souk_app USING (true);

CREATE TRIGGER conformance_results_immutable BEFORE UPDATE OR DELETE ON conformance_results FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER conformance_proofs_immutable BEFORE UPDATE OR DELETE ON conformance_proofs FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT, INSERT ON conformance_results, conformance_proofs TO souk_app, souk_system;
