-- Service credits: what is given back where instances were less available than was
-- promised, and what was given back.

-- +goose Up

-- What is credited of a service level. Revisions are only added: what had been recorded by
-- a moment says what held then.
CREATE TABLE credit_terms (
	id uuid PRIMARY KEY,
	organization_id uuid REFERENCES organizations, -- null: of all that have none of their own
	service_level text NOT NULL CHECK (service_level IN ('best-effort', 'guaranteed')),
	revision integer NOT NULL CHECK (revision > 0),
	from_month text NOT NULL CHECK (from_month ~ '^[0-9]{4}-[0-9]{2}$'), -- the first that they hold for
	tiers jsonb NOT NULL, -- [{below, percent}]; none: nothing is credited
	cap text NOT NULL, -- per cent of what a month's instances of the level were charged; '': none
	published_by text NOT NULL,
	recorded_at timestamptz NOT NULL,
	UNIQUE NULLS NOT DISTINCT (organization_id, service_level, revision)
);
CREATE TRIGGER credit_terms_immutable BEFORE UPDATE OR DELETE ON credit_terms FOR EACH ROW EXECUTE FUNCTION forbid_change();

ALTER TABLE credit_terms ENABLE ROW LEVEL SECURITY;
ALTER TABLE credit_terms FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON credit_terms TO souk_owner USING (true) WITH CHECK (true);
CREATE POLICY system_all ON credit_terms TO souk_system USING (true) WITH CHECK (true);
CREATE POLICY tenant ON credit_terms FOR SELECT TO souk_app USING (organization_id IS NULL OR organization_id = ANY ((SELECT visible_organizations())::uuid[]));
CREATE POLICY operator_reads ON credit_terms FOR SELECT TO souk_app USING ((SELECT cross_reader()) = 'operator');
GRANT SELECT ON credit_terms TO souk_app;
GRANT SELECT, INSERT ON credit_terms TO souk_system;

-- What a report says, as it was made; null: it was made before reports were kept whole.
ALTER TABLE sla_reports ADD COLUMN content bytea;
ALTER TABLE sla_reports ADD UNIQUE (organization_id, id);

-- What invoices give back, to be listed: the invoices themselves are what counts.
CREATE TABLE service_credits (
	invoice_id uuid NOT NULL,
	organization_id uuid NOT NULL,
	line integer NOT NULL, -- of the invoice
	month text NOT NULL, -- in which the instance was not available
	instance_id uuid NOT NULL,
	project text NOT NULL,
	instance text NOT NULL,
	service text NOT NULL,
	service_level text NOT NULL,
	availability text NOT NULL,
	objective text NOT NULL,
	below text NOT NULL,
	percent text NOT NULL,
	charged numeric NOT NULL, -- what the instance was charged in the month
	amount numeric NOT NULL CHECK (amount > 0),
	terms_id uuid NOT NULL REFERENCES credit_terms,
	report_id uuid NOT NULL,
	recorded_at timestamptz NOT NULL,
	PRIMARY KEY (invoice_id, line),
	UNIQUE (report_id, instance_id), -- no month of an instance is credited twice
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id),
	FOREIGN KEY (organization_id, report_id) REFERENCES sla_reports (organization_id, id)
);
CREATE INDEX service_credits_month ON service_credits (month, organization_id);
CREATE INDEX service_credits_organization ON service_credits (organization_id, month);
CALL make_tenant_table('service_credits');
CREATE TRIGGER service_credits_immutable BEFORE UPDATE OR DELETE ON service_credits FOR EACH ROW EXECUTE FUNCTION forbid_change();
GRANT SELECT ON service_credits TO souk_app;
GRANT SELECT, INSERT ON service_credits TO souk_system;
