-- name: NextNumber :one
-- Locks the issuer's year until the transaction ends.
INSERT INTO invoice_numbers (issuer_id, year, last) VALUES ($1, $2, 1)
ON CONFLICT (issuer_id, year) DO UPDATE SET last = invoice_numbers.last + 1 RETURNING last;

-- name: InsertInvoice :exec
INSERT INTO invoices (id, organization_id, issuer_id, run_id, kind, number, month, issued_on, due_on, currency, net, tax, gross, payable, reference, language, watermark, rules, rated, document, corrects, made_by, reason, recorded_at)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(issuer_id), sqlc.narg(run_id)::uuid, sqlc.arg(kind), sqlc.arg(number), sqlc.arg(month),
	sqlc.arg(issued_on)::text::date, nullif(sqlc.arg(due_on)::text, '')::date, sqlc.arg(currency),
	sqlc.arg(net)::text::numeric, sqlc.arg(tax)::text::numeric, sqlc.arg(gross)::text::numeric, sqlc.arg(payable)::text::numeric,
	sqlc.arg(reference), sqlc.arg(language), sqlc.arg(watermark), sqlc.arg(rules), sqlc.arg(rated), sqlc.arg(document), sqlc.narg(corrects)::uuid, sqlc.arg(made_by), sqlc.arg(reason), sqlc.arg(recorded_at));

-- name: InsertServiceCredit :exec
INSERT INTO service_credits (invoice_id, organization_id, line, month, instance_id, project, instance, service, service_level, availability, objective, below, percent, charged, amount, terms_id, report_id, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, sqlc.arg(charged)::text::numeric, sqlc.arg(amount)::text::numeric, sqlc.arg(terms_id), sqlc.arg(report_id), sqlc.arg(recorded_at));

-- name: CostCentres :many
SELECT id, cost_centre FROM projects WHERE organization_id = $1 AND cost_centre <> '';

-- name: OfRun :one
SELECT id, language, document FROM invoices WHERE run_id = $1;

-- name: InsertFile :exec
INSERT INTO invoice_files (invoice_id, organization_id, format, content, sha256, recorded_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (invoice_id, format) DO NOTHING;

-- name: File :one
SELECT f.content, f.sha256 FROM invoice_files f JOIN invoices i ON i.id = f.invoice_id WHERE i.organization_id = $1 AND i.number = $2 AND f.format = $3;

-- name: InvoicesOf :many
-- Those of an organization, newest first.
SELECT id FROM invoices WHERE organization_id = $1 AND (sqlc.arg(before)::text = '' OR number < sqlc.arg(before)::text) ORDER BY number DESC LIMIT $2;

-- name: FindInvoices :many
-- Those of all organizations, newest first. How one stands is told apart as
-- payment.Balance.State does.
SELECT i.id FROM invoices i
LEFT JOIN LATERAL (
	SELECT b.payable - b.paid - b.credited - b.written_off AS open, b.paid, b.credited, b.written_off FROM invoice_balances b
	WHERE b.invoice_id = i.id AND sqlc.arg(state)::text <> ''
) s ON true
WHERE (sqlc.arg(before)::text = '' OR i.number < sqlc.arg(before)::text) AND strpos(i.number, sqlc.arg(part)::text) > 0
	AND (sqlc.narg(organization)::uuid IS NULL OR i.organization_id = sqlc.narg(organization)::uuid)
	AND (sqlc.arg(month)::text = '' OR i.month = sqlc.arg(month)::text) AND (sqlc.arg(kind)::text = '' OR i.kind = sqlc.arg(kind)::text)
	AND (sqlc.arg(state)::text = '' OR sqlc.arg(state)::text = CASE
		WHEN s.open IS NULL THEN ''
		WHEN s.open > 0 AND i.due_on < sqlc.arg(today)::text::date THEN 'overdue'
		WHEN s.open > 0 AND s.paid > 0 THEN 'partly-paid'
		WHEN s.open > 0 THEN 'open'
		WHEN s.written_off <> 0 THEN 'written-off'
		WHEN s.credited > 0 AND s.paid <= 0 THEN 'credited'
		ELSE 'paid' END)
ORDER BY i.number DESC LIMIT sqlc.arg(most)::int;

-- name: InvoiceNumbered :one
-- Of an organization, or of any.
SELECT id FROM invoices WHERE number = $1 AND (sqlc.narg(organization)::uuid IS NULL OR organization_id = sqlc.narg(organization)::uuid);

-- name: Invoices :many
-- Those with the IDs, newest first, with what was credited of each.
SELECT i.id, o.name AS organization, i.number, i.kind, i.month, i.issued_on::text AS issued_on, coalesce(i.due_on::text, '')::text AS due_on, i.currency, i.net, i.tax, i.gross, i.payable, i.reference, i.reason, i.document, i.watermark, i.rules,
	coalesce(c.number, '')::text AS corrects, coalesce((SELECT sum(n.gross) FROM invoices n WHERE n.corrects = i.id), 0)::numeric AS credited,
	ARRAY(SELECT n.number FROM invoices n WHERE n.corrects = i.id ORDER BY n.number)::text[] AS corrected_by,
	ARRAY(SELECT f.format FROM invoice_files f WHERE f.invoice_id = i.id ORDER BY f.format)::text[] AS files
FROM invoices i JOIN organizations o ON o.id = i.organization_id LEFT JOIN invoices c ON c.id = i.corrects
WHERE i.id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY i.number DESC;

-- name: InvoiceToCredit :one
SELECT i.id, i.organization_id, i.issuer_id, i.number, i.month, i.language, i.watermark, i.document, o.name AS organization
FROM invoices i JOIN organizations o ON o.id = i.organization_id WHERE i.number = $1 AND i.kind = 'invoice';

-- name: LockCredits :exec
SELECT pg_advisory_xact_lock(hashtextextended('credit ' || sqlc.arg(number)::text, 0));

-- name: CreditNotes :many
SELECT document FROM invoices WHERE corrects = $1 ORDER BY recorded_at, number;

-- name: Readers :many
-- Those who are mailed an organization's invoices where it has named nobody.
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'billing') AND a.disabled_at IS NULL
ORDER BY a.email;

-- name: Staff :many
-- Those of the operator's who keep the books.
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id JOIN organizations o ON o.id = m.organization_id
WHERE 'operator' = ANY (o.kinds) AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'editor') AND a.disabled_at IS NULL
ORDER BY a.email;

-- name: OrganizationByName :one
SELECT id, time_zone FROM organizations WHERE name = $1;

-- name: Zone :one
SELECT time_zone FROM organizations WHERE id = $1;
