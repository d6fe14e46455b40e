-- name: Lock :exec
-- One at a time moves money.
SELECT pg_advisory_xact_lock(hashtextextended('souk.payments', 0));

-- name: Issuer :one
SELECT id, name, street, building, postal_code, town, country, iban, bic, currency, time_zone FROM issuers ORDER BY created_at, id LIMIT 1;

-- name: OperatorOrganization :one
SELECT id FROM organizations WHERE 'operator' = ANY (kinds) ORDER BY created_at, id LIMIT 1;

-- name: InsertFile :execrows
INSERT INTO bank_files (id, organization_id, sha256, kind, message_id, content, transactions, known, imported_by, imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (sha256) DO NOTHING;

-- name: FileBySum :one
SELECT id, sha256, kind, message_id, transactions, known, imported_by, imported_at FROM bank_files WHERE sha256 = $1;

-- name: Files :many
SELECT id, sha256, kind, message_id, transactions, known, imported_by, imported_at FROM bank_files
WHERE sqlc.narg(before)::uuid IS NULL OR (imported_at, id) < (SELECT f.imported_at, f.id FROM bank_files f WHERE f.id = sqlc.narg(before)::uuid)
ORDER BY imported_at DESC, id DESC LIMIT sqlc.arg('limit')::int;

-- name: InsertTransaction :exec
INSERT INTO bank_transactions (id, organization_id, file_id, iban, key, entry, unreferenced, seen_in, currency, amount, booked_on, value_on, reference, message, payer, payer_iban, end_to_end_id, returned, finding, recorded_at)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(file_id), sqlc.arg(iban), sqlc.arg(key), sqlc.arg(entry), sqlc.arg(unreferenced), ARRAY[sqlc.arg(kind)::text], sqlc.arg(currency), sqlc.arg(amount), sqlc.arg(booked_on)::text::date, sqlc.arg(value_on)::text::date, sqlc.arg(reference), sqlc.arg(message), sqlc.arg(payer), sqlc.arg(payer_iban), sqlc.arg(end_to_end_id), sqlc.arg(returned), sqlc.arg(finding), sqlc.arg(recorded_at));

-- name: KnownKeys :many
SELECT key FROM bank_transactions WHERE iban = $1 AND key = ANY (sqlc.arg(keys)::text[]);

-- name: OfEntry :many
-- What is known of an entry, and whether something was done with it.
SELECT t.id, t.key, t.currency, t.amount, t.reference, t.replaced, (t.reversed_by IS NOT NULL OR t.refunded_at IS NOT NULL OR EXISTS (SELECT FROM allocations a WHERE a.transaction_id = t.id))::boolean AS touched
FROM bank_transactions t WHERE t.iban = $1 AND t.entry = $2 AND NOT t.replaced ORDER BY t.key;

-- name: SeenAlike :execrows
-- Marks one transaction without a reference of the bank's that looks the same and that
-- only files of the other kind have told of.
UPDATE bank_transactions SET seen_in = seen_in || sqlc.arg(kind)::text WHERE id = (
	SELECT t.id FROM bank_transactions t WHERE t.iban = sqlc.arg(iban) AND t.unreferenced AND NOT sqlc.arg(kind)::text = ANY (t.seen_in)
		AND t.booked_on = sqlc.arg(booked_on)::text::date AND t.value_on = sqlc.arg(value_on)::text::date AND t.amount = sqlc.arg(amount) AND t.currency = sqlc.arg(currency)
		AND t.reference = sqlc.arg(reference) AND t.payer_iban = sqlc.arg(payer_iban) AND t.end_to_end_id = sqlc.arg(end_to_end_id)
	ORDER BY t.recorded_at, t.id LIMIT 1);

-- name: Replace :exec
UPDATE bank_transactions SET replaced = true WHERE id = $1;

-- name: Reverse :exec
UPDATE bank_transactions SET reversed_by = sqlc.arg(by)::uuid WHERE id = $1;

-- name: Original :one
-- The newest transaction that a reversal may take back.
SELECT t.id FROM bank_transactions t
WHERE t.iban = sqlc.arg(iban) AND t.amount = sqlc.arg(amount)::numeric AND t.currency = sqlc.arg(currency) AND NOT t.returned AND t.reversed_by IS NULL AND NOT t.replaced
	AND (t.reference = sqlc.arg(reference) AND sqlc.arg(reference)::text <> '' OR t.end_to_end_id = sqlc.arg(end_to_end_id) AND sqlc.arg(end_to_end_id)::text NOT IN ('', 'NOTPROVIDED'))
	AND t.booked_on <= sqlc.arg(booked_on)::text::date
ORDER BY t.booked_on DESC, t.id LIMIT 1;

-- name: Reversal :one
-- The oldest reversal that waits for the transaction which it takes back.
SELECT r.id FROM bank_transactions r
WHERE r.iban = sqlc.arg(iban) AND r.amount = -(sqlc.arg(amount)::numeric) AND r.currency = sqlc.arg(currency) AND r.returned
	AND (r.reference = sqlc.arg(reference) AND sqlc.arg(reference)::text <> '' OR r.end_to_end_id = sqlc.arg(end_to_end_id) AND sqlc.arg(end_to_end_id)::text NOT IN ('', 'NOTPROVIDED'))
	AND r.booked_on >= sqlc.arg(booked_on)::text::date AND NOT EXISTS (SELECT FROM bank_transactions o WHERE o.reversed_by = r.id)
ORDER BY r.booked_on, r.id LIMIT 1;

-- name: InvoicesByReference :many
SELECT b.invoice_id, b.organization_id, o.name AS organization, b.number, b.reference, b.currency, coalesce(b.due_on::text, '')::text AS due_on, b.payable, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open, b.written_off
FROM invoice_balances b JOIN organizations o ON o.id = b.organization_id
WHERE b.reference = ANY (sqlc.arg(reference)::text[]) AND b.kind = 'invoice' ORDER BY b.number;

-- name: InvoiceByNumber :one
SELECT b.invoice_id, b.organization_id, o.name AS organization, b.number, b.reference, b.currency, coalesce(b.due_on::text, '')::text AS due_on, b.payable, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open, b.written_off
FROM invoice_balances b JOIN organizations o ON o.id = b.organization_id
WHERE b.number = $1 AND b.kind = 'invoice';

-- name: OpenInvoices :many
-- Those with something to pay; of one organization, or of all. What is open is computed of
-- those that are not settled only.
WITH b AS MATERIALIZED (SELECT b.* FROM unsettled_invoices u JOIN invoice_balances b ON b.invoice_id = u.invoice_id
	WHERE (sqlc.narg(organization)::uuid IS NULL OR u.organization_id = sqlc.narg(organization)::uuid))
SELECT b.invoice_id, b.organization_id, o.name AS organization, b.number, b.reference, b.currency, coalesce(b.due_on::text, '')::text AS due_on, b.payable, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open, b.written_off
FROM b JOIN organizations o ON o.id = b.organization_id
WHERE b.payable - b.paid - b.credited - b.written_off > 0
ORDER BY b.due_on NULLS FIRST, b.number LIMIT sqlc.arg('limit')::int;

-- name: Unsettled :many
-- An organization's invoices that have something open, or were paid too much, in the
-- order in which they are due.
SELECT b.invoice_id, b.organization_id, b.currency, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open
FROM unsettled_invoices u JOIN invoice_balances b ON b.invoice_id = u.invoice_id
WHERE u.organization_id = $1 AND b.payable - b.paid - b.credited - b.written_off <> 0
ORDER BY b.due_on NULLS FIRST, b.number;

-- name: Credits :many
SELECT currency, amount FROM customer_credits WHERE organization_id = $1 ORDER BY currency;

-- name: Balances :many
SELECT number, coalesce(due_on::text, '')::text AS due_on, payable, paid, credited, written_off FROM invoice_balances WHERE (sqlc.narg(organization)::uuid IS NULL OR organization_id = sqlc.narg(organization)::uuid) AND number = ANY (sqlc.arg(numbers)::text[]);

-- name: ToSettle :many
-- Organizations with credit and something to take it for, or with too much paid for an
-- invoice.
WITH b AS MATERIALIZED (SELECT b.* FROM unsettled_invoices u JOIN invoice_balances b ON b.invoice_id = u.invoice_id)
SELECT b.organization_id FROM b LEFT JOIN customer_credits c ON c.organization_id = b.organization_id AND c.currency = b.currency
WHERE b.payable - b.paid - b.credited - b.written_off < 0 OR c.amount > 0 AND b.payable - b.paid - b.credited - b.written_off > 0
ORDER BY b.organization_id LIMIT 1;

-- name: InsertAllocation :exec
INSERT INTO allocations (id, organization_id, transaction_id, invoice_id, amount, currency, undoes, made_by, reason, recorded_at) VALUES ($1, $2, $3, $4, $5, sqlc.arg(currency)::text, $6, $7, $8, $9);

-- name: OfTransaction :many
-- What a transaction is taken for now.
SELECT a.id, a.organization_id, a.transaction_id, a.invoice_id, a.amount FROM allocations a
WHERE a.transaction_id = $1 AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id) ORDER BY a.id;

-- name: FromCredit :many
-- What an organization's credit is taken for now, the newest first.
SELECT a.id, a.organization_id, a.transaction_id, a.invoice_id, a.amount FROM allocations a JOIN invoices i ON i.id = a.invoice_id
WHERE a.organization_id = $1 AND i.currency = $2 AND a.transaction_id IS NULL AND a.amount > 0 AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id)
ORDER BY a.recorded_at DESC, a.id DESC;

-- name: UsedCredit :many
-- All that an organization's credit is taken for now, or was given back to it.
SELECT a.id, a.organization_id, a.transaction_id, a.invoice_id, a.amount, a.currency FROM allocations a
WHERE a.organization_id = $1 AND a.transaction_id IS NULL AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id) ORDER BY a.id;

-- name: KeptCredit :many
-- What of payments Souk keeps as an organization's credit now, with what they said.
SELECT a.id, a.organization_id, a.transaction_id, a.invoice_id, a.amount, a.currency, t.reference, t.message FROM allocations a JOIN bank_transactions t ON t.id = a.transaction_id
WHERE a.organization_id = $1 AND a.invoice_id IS NULL AND a.made_by = sqlc.arg(by) AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id) ORDER BY a.id;

-- name: LockTransaction :one
SELECT id, iban, currency, amount, booked_on::text AS booked_on, reference, end_to_end_id, returned, replaced, reversed_by, refunded, refunded_at, finding FROM bank_transactions WHERE id = $1 FOR UPDATE;

-- name: Refund :exec
UPDATE bank_transactions SET refunded = sqlc.arg(amount), refund_reason = sqlc.arg(reason), refunded_by = sqlc.arg(by), refunded_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: Transactions :many
-- The newest first. rest is what is taken for nothing yet.
SELECT t.id, t.iban, t.currency, t.amount, t.booked_on::text AS booked_on, t.value_on::text AS value_on, t.reference, t.message, t.payer, t.payer_iban, t.returned, t.finding, t.replaced,
	(t.reversed_by IS NOT NULL)::boolean AS reversed, t.refunded, t.refund_reason, t.refunded_by, t.refunded_at, t.recorded_at, s.rest
FROM bank_transactions t CROSS JOIN LATERAL (SELECT (CASE WHEN t.replaced OR t.finding = 'outgoing' OR t.reversed_by IS NOT NULL OR EXISTS (SELECT FROM bank_transactions o WHERE o.reversed_by = t.id) THEN 0
	ELSE t.amount - t.refunded - coalesce((SELECT sum(a.amount) FROM allocations a WHERE a.transaction_id = t.id), 0) END)::numeric AS rest) s
WHERE (sqlc.narg(id)::uuid IS NULL OR t.id = sqlc.narg(id)::uuid)
	AND (sqlc.arg(state)::text = '' OR sqlc.arg(state)::text = 'unmatched' AND s.rest <> 0 OR sqlc.arg(state)::text = 'over' AND t.finding IN ('over', 'again') AND t.refunded_at IS NULL)
	AND (sqlc.narg(before)::uuid IS NULL OR (t.recorded_at, t.id) < (SELECT b.recorded_at, b.id FROM bank_transactions b WHERE b.id = sqlc.narg(before)::uuid))
ORDER BY t.recorded_at DESC, t.id DESC LIMIT sqlc.arg('limit')::int;

-- name: Taken :many
-- What transactions are taken for now.
SELECT a.id, a.transaction_id, o.name AS organization, coalesce(i.number, '')::text AS number, a.amount, a.made_by, a.recorded_at
FROM allocations a JOIN organizations o ON o.id = a.organization_id LEFT JOIN invoices i ON i.id = a.invoice_id
WHERE a.transaction_id = ANY (sqlc.arg(transactions)::uuid[]) AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id)
ORDER BY a.id;

-- name: Payers :many
-- Which organization last paid from each account.
SELECT DISTINCT ON (t.payer_iban) t.payer_iban, a.organization_id FROM bank_transactions t JOIN allocations a ON a.transaction_id = t.id
WHERE t.payer_iban = ANY (sqlc.arg(ibans)::text[]) AND t.payer_iban <> '' AND a.undoes IS NULL AND NOT EXISTS (SELECT FROM allocations u WHERE u.undoes = a.id)
ORDER BY t.payer_iban, a.recorded_at DESC, a.id DESC;

-- name: OrganizationByName :one
SELECT id FROM organizations WHERE name = $1;

-- name: TokenMaker :one
SELECT created_by FROM tokens WHERE id = $1;
