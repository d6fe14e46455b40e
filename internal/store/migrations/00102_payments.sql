-- Payments: files of banks, the transactions that they tell of, and what each was taken
-- for. What an invoice has open is derived of these, and kept nowhere.

-- +goose Up

CREATE TABLE bank_files (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- the operator's
	sha256 text NOT NULL UNIQUE, -- the same file twice is told by it
	kind text NOT NULL CHECK (kind IN ('camt.053', 'camt.054')),
	message_id text NOT NULL,
	content bytea NOT NULL,
	transactions integer NOT NULL, -- that it tells of
	known integer NOT NULL, -- of these: another file had told of them
	imported_by text NOT NULL,
	imported_at timestamptz NOT NULL
);
CREATE INDEX bank_files_imported ON bank_files (imported_at, id);
CALL make_tenant_table('bank_files');
CREATE TRIGGER bank_files_grow_only BEFORE UPDATE OR DELETE ON bank_files FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What was booked on the issuer's account.
CREATE TABLE bank_transactions (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- the operator's
	file_id uuid NOT NULL REFERENCES bank_files,
	iban text NOT NULL,
	key text NOT NULL, -- names it within the account, in every file
	entry text NOT NULL, -- the bank's reference of the entry that it is part of, or ''
	unreferenced boolean NOT NULL, -- the bank gives no reference: the key is of one kind of file only
	seen_in text[] NOT NULL, -- kinds of files that told of it
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	amount numeric NOT NULL, -- positive: it came in
	booked_on date NOT NULL,
	value_on date NOT NULL,
	reference text NOT NULL, -- the creditor reference, or ''
	message text NOT NULL,
	payer text NOT NULL,
	payer_iban text NOT NULL,
	end_to_end_id text NOT NULL,
	returned boolean NOT NULL, -- an earlier one is taken back
	finding text NOT NULL CHECK (finding IN ('matched', 'part', 'over', 'again', 'unmatched', 'currency', 'written-off', 'returned', 'outgoing')),
	reversed_by uuid UNIQUE REFERENCES bank_transactions, -- by which it was taken back
	replaced boolean NOT NULL DEFAULT false, -- other files tell of its parts
	refund_reason text NOT NULL DEFAULT '',
	refunded_by text NOT NULL DEFAULT '',
	refunded_at timestamptz, -- when what was left of it was marked as sent back
	refunded numeric NOT NULL DEFAULT 0 CHECK (refunded >= 0),
	recorded_at timestamptz NOT NULL,
	UNIQUE (iban, key)
);
CREATE INDEX bank_transactions_entry ON bank_transactions (iban, entry) WHERE entry <> '';
CREATE INDEX bank_transactions_recorded ON bank_transactions (recorded_at, id);
CREATE INDEX bank_transactions_alike ON bank_transactions (iban, booked_on, amount);
CALL make_tenant_table('bank_transactions');

-- What money was taken for. From: a transaction, or (null) what the organization has
-- paid too much. For: an invoice, or (null) what the organization has paid too much.
-- A wrong one is undone by another of the opposite amount.
CREATE TABLE allocations (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations, -- the customer
	transaction_id uuid REFERENCES bank_transactions,
	invoice_id uuid,
	amount numeric NOT NULL CHECK (amount <> 0),
	undoes uuid UNIQUE,
	made_by text NOT NULL,
	reason text NOT NULL DEFAULT '',
	recorded_at timestamptz NOT NULL,
	CHECK (transaction_id IS NOT NULL OR invoice_id IS NOT NULL),
	UNIQUE (organization_id, id),
	FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices (organization_id, id),
	FOREIGN KEY (organization_id, undoes) REFERENCES allocations (organization_id, id)
);
CREATE INDEX allocations_invoice ON allocations (invoice_id) INCLUDE (amount) WHERE invoice_id IS NOT NULL;
CREATE INDEX allocations_transaction ON allocations (transaction_id) INCLUDE (amount) WHERE transaction_id IS NOT NULL;
CREATE INDEX allocations_credit ON allocations (organization_id) WHERE transaction_id IS NULL OR invoice_id IS NULL;
CALL make_tenant_table('allocations');
CREATE TRIGGER allocations_grow_only BEFORE UPDATE OR DELETE ON allocations FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- What there is of each invoice: to pay, paid, credited and written off. A credit note
-- that corrects no invoice is one of a negative amount.
CREATE VIEW invoice_balances WITH (security_invoker = true) AS
SELECT i.id AS invoice_id, i.organization_id, i.number, i.kind, i.currency, i.reference, i.issued_on, i.due_on,
	(CASE i.kind WHEN 'invoice' THEN i.payable ELSE -i.payable END)::numeric AS payable,
	coalesce((SELECT sum(a.amount) FROM allocations a WHERE a.invoice_id = i.id), 0)::numeric AS paid,
	coalesce((SELECT sum(c.payable) FROM invoices c WHERE c.corrects = i.id AND c.kind = 'credit-note'), 0)::numeric AS credited,
	0::numeric AS written_off
FROM invoices i WHERE i.kind = 'invoice' OR i.corrects IS NULL;

-- What each organization has paid too much.
CREATE VIEW customer_credits WITH (security_invoker = true) AS
SELECT a.organization_id, coalesce(t.currency, i.currency) AS currency,
	sum(CASE WHEN a.invoice_id IS NULL THEN a.amount ELSE -a.amount END)::numeric AS amount
FROM allocations a LEFT JOIN bank_transactions t ON t.id = a.transaction_id LEFT JOIN invoices i ON i.id = a.invoice_id
WHERE a.transaction_id IS NULL OR a.invoice_id IS NULL
GROUP BY a.organization_id, coalesce(t.currency, i.currency);

GRANT SELECT ON bank_files, bank_transactions, allocations, invoice_balances, customer_credits TO souk_app;
GRANT SELECT, INSERT ON bank_files, bank_transactions, allocations TO souk_system;
GRANT SELECT ON invoice_balances, customer_credits TO souk_system;
GRANT UPDATE (seen_in, reversed_by, replaced, refund_reason, refunded_by, refunded_at, refunded) ON bank_transactions TO souk_system;
