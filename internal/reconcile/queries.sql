-- name: InvoicesAfter :many
-- What was issued since a moment, a part at a time.
SELECT i.id, i.number, i.kind, i.net, i.rated, i.document, o.name AS organization FROM invoices i JOIN organizations o ON o.id = i.organization_id
WHERE i.recorded_at >= sqlc.arg(since) AND i.id > sqlc.arg(after) ORDER BY i.id LIMIT 200;

-- name: CountIssued :one
SELECT count(*) FROM invoices;

-- name: NotAsPosted :many
-- Documents that are not in the ledger as they are, and entries of no document.
WITH posted AS (
	SELECT e.kind, e.reference, e.organization_id,
		coalesce(sum(p.amount) FILTER (WHERE p.account = 'receivable:' || e.organization_id), 0) AS owed,
		coalesce(sum(p.amount) FILTER (WHERE p.account LIKE 'revenue:%' OR p.account LIKE 'service-credit:%'), 0) AS revenue,
		coalesce(sum(p.amount) FILTER (WHERE p.account LIKE 'vat:%'), 0) AS vat
	FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id WHERE e.kind IN ('invoice', 'credit-note')
	GROUP BY e.kind, e.reference, e.organization_id
), issued AS (
	SELECT i.kind, i.number, i.organization_id, CASE i.kind WHEN 'invoice' THEN 1 ELSE -1 END AS sign, i.gross, i.net, i.tax FROM invoices i
)
SELECT coalesce(i.kind, p.kind)::text AS kind, coalesce(i.number, p.reference)::text AS number, o.name AS organization,
	(coalesce(i.sign * i.gross, 0))::numeric AS gross, coalesce(p.owed, 0)::numeric AS owed, (coalesce(i.sign * i.net, 0))::numeric AS net, (-coalesce(p.revenue, 0))::numeric AS revenue,
	(coalesce(i.sign * i.tax, 0))::numeric AS tax, (-coalesce(p.vat, 0))::numeric AS vat
FROM issued i FULL JOIN posted p ON p.reference = i.number AND p.kind = i.kind AND p.organization_id = i.organization_id
JOIN organizations o ON o.id = coalesce(i.organization_id, p.organization_id)
WHERE coalesce(i.sign * i.gross, 0) <> coalesce(p.owed, 0) OR coalesce(i.sign * i.net, 0) <> -coalesce(p.revenue, 0) OR coalesce(i.sign * i.tax, 0) <> -coalesce(p.vat, 0)
ORDER BY number;

-- name: MonthsOver :many
-- Months that are over, with something that is billed, and whether each is being closed.
WITH months AS (
	SELECT o.id, o.name, to_char(m, 'YYYY-MM') AS month, m AT TIME ZONE o.time_zone AS from_at, (m + interval '1 month') AT TIME ZONE o.time_zone AS to_at,
		i.grace_hours
	FROM issuers i, organizations o, generate_series((i.first_month || '-01')::timestamp, sqlc.arg(at)::timestamptz AT TIME ZONE o.time_zone, interval '1 month') m
)
SELECT m.name AS organization, m.month::text AS month, (r.id IS NOT NULL)::boolean AS closed FROM months m
LEFT JOIN invoice_runs r ON r.organization_id = m.id AND r.month = m.month
WHERE m.to_at + make_interval(hours => m.grace_hours) < sqlc.arg(late)::timestamptz AND (
	EXISTS (SELECT FROM segments s WHERE s.organization_id = m.id AND s.superseded_at IS NULL AND (s.compute_billed OR s.storage_billed) AND tstzrange(s.from_at, s.to_at, '[)') && tstzrange(m.from_at, m.to_at, '[)'))
	OR EXISTS (SELECT FROM backup_segments b WHERE b.organization_id = m.id AND b.superseded_at IS NULL AND b.bytes > 0 AND tstzrange(b.from_at, b.to_at, '[)') && tstzrange(m.from_at, m.to_at, '[)')))
ORDER BY m.month, m.name;

-- name: Unfinished :many
-- Months whose closing has neither ended nor is held for what is lacking.
SELECT o.name AS organization, r.month, r.state, r.error FROM invoice_runs r JOIN organizations o ON o.id = r.organization_id
WHERE r.next_at IS NOT NULL AND r.held = '' AND r.frozen_at < sqlc.arg(late) ORDER BY r.month, o.name;

-- name: Automation :many
-- How the months were closed, the newest first.
SELECT month, count(*) AS runs, count(*) FILTER (WHERE ended_at IS NOT NULL AND hands = 0) AS alone, count(*) FILTER (WHERE next_at IS NOT NULL AND held <> '') AS held,
	count(*) FILTER (WHERE next_at IS NOT NULL AND held = '' AND error <> '') AS failed
FROM invoice_runs GROUP BY month ORDER BY month DESC LIMIT 12;

-- name: Closed :many
-- What a month's closes were made from. Of what was rated nothing is read but to compare.
SELECT o.name AS organization, r.organization_id, r.from_at, r.to_at, r.time_zone, coalesce(i.watermark, r.watermark)::timestamptz AS watermark, coalesce(i.rules, r.rules)::text AS rules,
	coalesce(i.rated, r.rated) AS rated, coalesce(i.document, r.draft) AS document, coalesce(i.number, '')::text AS number
FROM invoice_runs r JOIN organizations o ON o.id = r.organization_id LEFT JOIN invoices i ON i.run_id = r.id
WHERE r.month = $1 ORDER BY o.name;

-- name: Has :one
SELECT EXISTS (SELECT FROM reconciliations WHERE hour = sqlc.arg(hour)::timestamptz);

-- name: Newest :many
SELECT * FROM reconciliations ORDER BY recorded_at DESC, id DESC LIMIT $1;

-- name: RecordedAt :one
SELECT recorded_at FROM reconciliations WHERE id = $1;

-- name: Insert :execrows
INSERT INTO reconciliations (id, hour, recorded_at, checks, differences, alert) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hour) DO NOTHING;
