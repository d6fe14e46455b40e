-- name: MonthsOver :many
-- Organizations whose next month was over, by their own clocks, for at least the grace:
-- the one after the last that was frozen, or the first that is invoiced.
SELECT o.id, o.time_zone, to_char(n.month, 'YYYY-MM')::text AS month, coalesce(last.to_at, n.month AT TIME ZONE o.time_zone)::timestamptz AS from_at, ((n.month + interval '1 month') AT TIME ZONE o.time_zone)::timestamptz AS to_at
FROM organizations o CROSS JOIN LATERAL (
	SELECT max(r.month) AS month, max(r.to_at) AS to_at FROM invoice_runs r WHERE r.organization_id = o.id) last
CROSS JOIN LATERAL (
	SELECT coalesce(to_date(last.month, 'YYYY-MM') + interval '1 month', greatest(to_date(sqlc.arg(first_month)::text, 'YYYY-MM'), date_trunc('month', o.created_at AT TIME ZONE o.time_zone)))::timestamp AS month) n
WHERE (n.month + interval '1 month') AT TIME ZONE o.time_zone + sqlc.arg(grace_hours)::int * interval '1 hour' <= sqlc.arg(at)::timestamptz
	AND (sqlc.narg(organization)::uuid IS NULL OR o.id = sqlc.narg(organization)::uuid)
ORDER BY 5, o.id LIMIT sqlc.arg(most)::int;

-- name: InsertRuns :execrows
INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, next_at, frozen_at)
SELECT unnest(sqlc.arg(ids)::uuid[]), unnest(sqlc.arg(organizations)::uuid[]), unnest(sqlc.arg(months)::text[]), unnest(sqlc.arg(froms)::timestamptz[]), unnest(sqlc.arg(tos)::timestamptz[]), unnest(sqlc.arg(zones)::text[]),
	'frozen', sqlc.arg(watermark)::timestamptz, '', sqlc.arg(at)::timestamptz, sqlc.arg(at)::timestamptz
ON CONFLICT (organization_id, month) DO NOTHING;

-- name: ClaimRuns :many
-- Runs that are at a step and due, locked until the transaction ends. A held one is due
-- once something was changed of what it was held for; one of a later month waits for
-- those before it.
SELECT r.id, r.organization_id, r.month, r.from_at, r.to_at, r.time_zone, r.state, r.watermark, r.rules, r.rated, r.draft, r.held, r.attempts, o.name AS organization
FROM invoice_runs r JOIN organizations o ON o.id = r.organization_id
WHERE r.next_at <= sqlc.arg(now)::timestamptz AND r.state = sqlc.arg(state)::text
	AND (r.held = '' OR EXISTS (SELECT FROM billing_profiles p WHERE p.organization_id = r.organization_id AND p.updated_at > r.tried_at - interval '1 minute')
		OR EXISTS (SELECT FROM issuers i WHERE i.updated_at > r.tried_at - interval '1 minute'))
	AND NOT EXISTS (SELECT FROM invoice_runs b WHERE b.organization_id = r.organization_id AND b.month < r.month AND b.state IN ('frozen', 'rated'))
ORDER BY r.next_at, r.id LIMIT sqlc.arg(most)::int FOR UPDATE OF r SKIP LOCKED;

-- name: RunRated :exec
UPDATE invoice_runs SET state = 'rated', rules = sqlc.arg(rules), rated = sqlc.arg(rated), draft = sqlc.arg(draft), held = '', error = '', next_at = sqlc.arg(at)::timestamptz, tried_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RunWentOn :exec
UPDATE invoice_runs SET state = sqlc.arg(state), held = '', error = '', next_at = sqlc.arg(at)::timestamptz, tried_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RunOfNothing :exec
-- Ends one that there is nothing to invoice of.
UPDATE invoice_runs SET state = 'nothing', rules = sqlc.arg(rules), held = '', error = '', next_at = NULL, tried_at = sqlc.arg(at)::timestamptz, ended_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RunEnded :exec
UPDATE invoice_runs SET state = 'mailed', held = '', error = '', next_at = NULL, tried_at = sqlc.arg(at)::timestamptz, ended_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RunHeld :exec
UPDATE invoice_runs SET held = sqlc.arg(held), error = '', next_at = sqlc.arg(next_at)::timestamptz, tried_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RunFailed :exec
UPDATE invoice_runs SET error = sqlc.arg(error), attempts = attempts + 1, next_at = sqlc.arg(next_at)::timestamptz, tried_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: RetryRun :execrows
-- Has one that has not ended tried again at once, because somebody wants it.
UPDATE invoice_runs SET held = '', error = '', hands = hands + 1, next_at = sqlc.arg(at)::timestamptz WHERE organization_id = $1 AND month = sqlc.arg(month) AND next_at IS NOT NULL;

-- name: EarlierRuns :many
-- Months of an organization that were frozen before a month.
SELECT id, month, from_at, to_at, time_zone, watermark FROM invoice_runs WHERE organization_id = $1 AND month < sqlc.arg(month)::text ORDER BY month;

-- name: LastRun :many
-- The newest month of an organization that was frozen, or none.
SELECT month, to_at FROM invoice_runs WHERE organization_id = $1 ORDER BY month DESC LIMIT 1;

-- name: Runs :many
SELECT r.id, r.organization_id, r.month, r.state, r.held, r.error, r.attempts, r.hands, r.watermark, r.rules, r.frozen_at, r.next_at, r.ended_at, o.name AS organization,
	coalesce(i.number, '')::text AS number, coalesce(i.currency, '')::text AS currency, coalesce(i.gross, 0)::numeric AS gross
FROM invoice_runs r JOIN organizations o ON o.id = r.organization_id LEFT JOIN invoices i ON i.run_id = r.id
WHERE (sqlc.narg(organization)::uuid IS NULL OR r.organization_id = sqlc.narg(organization)::uuid)
	AND CASE sqlc.arg(show)::text
		WHEN 'held' THEN r.next_at IS NOT NULL AND r.held <> ''
		WHEN 'failed' THEN r.next_at IS NOT NULL AND r.error <> ''
		WHEN 'open' THEN r.next_at IS NOT NULL
		ELSE true END
	AND r.id < sqlc.arg(before)::uuid
ORDER BY r.id DESC LIMIT $1;

-- name: RunOf :one
SELECT id FROM invoice_runs WHERE organization_id = $1 AND month = $2;

-- name: RunMonths :many
-- How the closing of each month went, newest first.
SELECT month, count(*) AS runs,
	count(*) FILTER (WHERE ended_at IS NOT NULL AND hands = 0) AS alone,
	count(*) FILTER (WHERE ended_at IS NOT NULL AND hands > 0) AS by_hand,
	count(*) FILTER (WHERE next_at IS NOT NULL AND error <> '') AS failed,
	count(*) FILTER (WHERE next_at IS NOT NULL AND error = '' AND held <> '') AS held
FROM invoice_runs GROUP BY month ORDER BY month DESC LIMIT $1;

-- name: Issued :many
-- An invoice or credit note with the month that it is of.
SELECT i.document, i.watermark, i.rules, coalesce(r.from_at, i.watermark)::timestamptz AS from_at, coalesce(r.to_at, i.watermark)::timestamptz AS to_at, coalesce(r.time_zone, 'UTC')::text AS time_zone
FROM invoices i LEFT JOIN invoice_runs r ON r.id = i.run_id WHERE i.organization_id = $1 AND i.number = $2;
