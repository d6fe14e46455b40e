-- What is given up of invoices: proposed by one person, approved by another.

-- +goose Up

CREATE TABLE write_offs (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	invoice_id uuid NOT NULL,
	amount numeric NOT NULL CHECK (amount > 0),
	reason text NOT NULL,
	state text NOT NULL CHECK (state IN ('proposed', 'approved', 'refused', 'reversed')),
	proposed_by text NOT NULL CHECK (proposed_by <> ''), -- the person: of a token, who made it
	proposed_at timestamptz NOT NULL,
	decided_by text NOT NULL DEFAULT '',
	decided_at timestamptz,
	reversed_by text NOT NULL DEFAULT '',
	reversed_reason text NOT NULL DEFAULT '',
	reversed_at timestamptz,
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id),
	CONSTRAINT write_offs_two_people CHECK (state NOT IN ('approved', 'reversed') OR (decided_by <> '' AND lower(decided_by) <> lower(proposed_by))),
	CHECK ((state = 'proposed') = (decided_at IS NULL)),
	CHECK ((state = 'reversed') = (reversed_at IS NOT NULL))
);
CREATE UNIQUE INDEX write_offs_one ON write_offs (invoice_id) WHERE state IN ('proposed', 'approved');
CREATE INDEX write_offs_invoice ON write_offs (invoice_id) INCLUDE (amount) WHERE state = 'approved';
CALL make_tenant_table('write_offs');

-- What was proposed stays as it was, and a decision is not taken twice.
-- +goose StatementBegin
CREATE FUNCTION write_offs_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' OR ROW(NEW.id, NEW.organization_id, NEW.invoice_id, NEW.amount, NEW.reason, NEW.proposed_by, NEW.proposed_at)
		IS DISTINCT FROM ROW(OLD.id, OLD.organization_id, OLD.invoice_id, OLD.amount, OLD.reason, OLD.proposed_by, OLD.proposed_at)
		OR NOT (OLD.state = 'proposed' AND NEW.state IN ('approved', 'refused') OR OLD.state = 'approved' AND NEW.state = 'reversed' AND ROW(NEW.decided_by, NEW.decided_at) IS NOT DISTINCT FROM ROW(OLD.decided_by, OLD.decided_at)) THEN
		RAISE EXCEPTION 'what was proposed to be written off is not changed' USING ERRCODE = 'restrict_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER write_offs_decided_once BEFORE UPDATE OR DELETE ON write_offs FOR EACH ROW EXECUTE FUNCTION write_offs_guard();

-- What is paid after all of what was written off; below zero where the bank took such a
-- payment back.
CREATE TABLE write_off_recoveries (
	id uuid PRIMARY KEY,
	write_off_id uuid NOT NULL REFERENCES write_offs,
	organization_id uuid NOT NULL,
	invoice_id uuid NOT NULL,
	amount numeric NOT NULL CHECK (amount <> 0),
	recorded_at timestamptz NOT NULL,
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);
CREATE INDEX write_off_recoveries_write_off ON write_off_recoveries (write_off_id);
CREATE INDEX write_off_recoveries_invoice ON write_off_recoveries (invoice_id) INCLUDE (write_off_id, amount);
CALL make_tenant_table('write_off_recoveries');
CREATE TRIGGER write_off_recoveries_grow_only BEFORE UPDATE OR DELETE ON write_off_recoveries FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE OR REPLACE VIEW invoice_balances WITH (security_invoker = true) AS
SELECT i.id AS invoice_id, i.organization_id, i.number, i.kind, i.currency, i.reference, i.issued_on, i.due_on,
	(CASE i.kind WHEN 'invoice' THEN i.payable ELSE -i.payable END)::numeric AS payable,
	coalesce((SELECT sum(a.amount) FROM allocations a WHERE a.invoice_id = i.id), 0)::numeric AS paid,
	coalesce((SELECT sum(c.payable) FROM invoices c WHERE c.corrects = i.id AND c.kind = 'credit-note'), 0)::numeric AS credited,
	coalesce((SELECT sum(w.amount - coalesce((SELECT sum(r.amount) FROM write_off_recoveries r WHERE r.write_off_id = w.id), 0)) FROM write_offs w WHERE w.invoice_id = i.id AND w.state = 'approved'), 0)::numeric AS written_off
FROM invoices i WHERE i.kind = 'invoice' OR i.corrects IS NULL;

-- To write off what is owed does not lift the suspension that it has come to: who has
-- not paid still has not. It is lifted by paying, or by holding dunning.
CREATE OR REPLACE VIEW dunning_due WITH (security_invoker = true) AS
SELECT DISTINCT s.organization_id FROM dunning_steps s JOIN invoice_balances b ON b.invoice_id = s.invoice_id
WHERE s.step = 'suspended' AND b.payable - b.paid - b.credited > 0
	AND NOT EXISTS (SELECT FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NULL)
	AND s.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NOT NULL);

GRANT SELECT ON write_offs, write_off_recoveries TO souk_app;
GRANT SELECT, INSERT, UPDATE ON write_offs TO souk_system;
GRANT SELECT, INSERT ON write_off_recoveries TO souk_system;
