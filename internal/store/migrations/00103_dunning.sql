-- Reminders of what is overdue, which end in the suspension of instances for the reason
-- dunning, and never in more.

-- +goose Up

-- After how many days what is done. An issuer without a row has the defaults.
CREATE TABLE dunning_rules (
	issuer_id uuid PRIMARY KEY REFERENCES issuers,
	reminder_days integer NOT NULL DEFAULT 10 CHECK (reminder_days BETWEEN 1 AND 365),
	second_days integer NOT NULL DEFAULT 20,
	suspend_days integer NOT NULL DEFAULT 30 CHECK (suspend_days <= 365),
	notice_days integer NOT NULL DEFAULT 7 CHECK (notice_days >= 1), -- between the announcement of a suspension and it
	paused boolean NOT NULL DEFAULT false,
	updated_by text NOT NULL,
	updated_at timestamptz NOT NULL,
	CHECK (second_days > reminder_days AND suspend_days - notice_days >= second_days)
);

-- What has been done about an invoice, each once. A round ends where dunning was held
-- and goes on: a suspension is announced anew.
CREATE TABLE dunning_steps (
	invoice_id uuid NOT NULL,
	organization_id uuid NOT NULL,
	step text NOT NULL CHECK (step IN ('reminder', 'second', 'announced', 'suspended')),
	round integer NOT NULL,
	taken_on date NOT NULL, -- in the issuer's time zone
	recorded_at timestamptz NOT NULL,
	PRIMARY KEY (invoice_id, step, round),
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id)
);
CREATE INDEX dunning_steps_suspended ON dunning_steps (organization_id) WHERE step = 'suspended';
CALL make_tenant_table('dunning_steps');
CREATE TRIGGER dunning_steps_grow_only BEFORE UPDATE OR DELETE ON dunning_steps FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Organizations that are not reminded, and whose instances run on, while it holds.
CREATE TABLE dunning_holds (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	reason text NOT NULL,
	until_on date, -- the last day; null: until somebody ends it
	made_by text NOT NULL,
	made_at timestamptz NOT NULL,
	ended_by text NOT NULL DEFAULT '',
	ended_at timestamptz
);
CREATE UNIQUE INDEX dunning_holds_one ON dunning_holds (organization_id) WHERE ended_at IS NULL;
CREATE INDEX dunning_holds_organization ON dunning_holds (organization_id);
CALL make_tenant_table('dunning_holds');

-- Instances that were suspended by dunning, and are resumed by it; others that somebody
-- suspended for the same reason are not.
CREATE TABLE dunning_suspended (
	instance_id uuid PRIMARY KEY REFERENCES instances ON DELETE CASCADE,
	organization_id uuid NOT NULL REFERENCES organizations,
	suspended_at timestamptz NOT NULL
);
CALL make_tenant_table('dunning_suspended');

-- Of an allocation its currency too: a customer sees no transactions of the bank, and
-- what they have paid too much all the same.
ALTER TABLE allocations ADD COLUMN currency text CHECK (currency ~ '^[A-Z]{3}$');
ALTER TABLE allocations DISABLE TRIGGER allocations_grow_only;
UPDATE allocations a SET currency = coalesce((SELECT t.currency FROM bank_transactions t WHERE t.id = a.transaction_id), (SELECT i.currency FROM invoices i WHERE i.id = a.invoice_id));
ALTER TABLE allocations ENABLE TRIGGER allocations_grow_only;
CREATE OR REPLACE VIEW customer_credits WITH (security_invoker = true) AS
SELECT a.organization_id, coalesce(a.currency, t.currency, i.currency) AS currency,
	sum(CASE WHEN a.invoice_id IS NULL THEN a.amount ELSE -a.amount END)::numeric AS amount
FROM allocations a LEFT JOIN bank_transactions t ON t.id = a.transaction_id LEFT JOIN invoices i ON i.id = a.invoice_id
WHERE a.transaction_id IS NULL OR a.invoice_id IS NULL
GROUP BY a.organization_id, coalesce(a.currency, t.currency, i.currency);

-- Organizations whose instances are suspended: of whom an invoice is open that it has
-- come to, and nothing holds it.
CREATE VIEW dunning_due WITH (security_invoker = true) AS
SELECT DISTINCT s.organization_id FROM dunning_steps s JOIN invoice_balances b ON b.invoice_id = s.invoice_id
WHERE s.step = 'suspended' AND b.payable - b.paid - b.credited - b.written_off > 0
	AND NOT EXISTS (SELECT FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NULL)
	AND s.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NOT NULL);

GRANT SELECT ON dunning_rules, dunning_steps, dunning_holds, dunning_suspended, dunning_due TO souk_app;
GRANT SELECT, INSERT, UPDATE ON dunning_rules, dunning_holds TO souk_system;
GRANT SELECT, INSERT ON dunning_steps TO souk_system;
GRANT SELECT, INSERT, DELETE ON dunning_suspended TO souk_system;
GRANT SELECT ON dunning_due TO souk_system;
