-- name: InsertEntry :execrows
INSERT INTO ledger_entries (id, organization_id, kind, reference, posted_on, currency, recorded_at)
VALUES (sqlc.arg(id), sqlc.arg(organization_id), sqlc.arg(kind), sqlc.arg(reference), sqlc.arg(posted_on)::text::date, sqlc.arg(currency), sqlc.arg(recorded_at)) ON CONFLICT (kind, reference) DO NOTHING;

-- name: InsertPostings :exec
INSERT INTO ledger_postings (entry_id, line, organization_id, account, amount)
SELECT sqlc.arg(entry_id)::uuid, unnest(sqlc.arg(lines)::int[]), sqlc.arg(organization_id)::uuid, unnest(sqlc.arg(accounts)::text[]), unnest(sqlc.arg(amounts)::text[])::numeric;

-- name: Entry :one
SELECT id, organization_id, currency FROM ledger_entries WHERE kind = $1 AND reference = $2;

-- name: Postings :many
SELECT account, amount FROM ledger_postings WHERE entry_id = $1 ORDER BY line;

-- name: Balance :one
-- Of one account in a currency.
SELECT coalesce(sum(p.amount), 0)::numeric AS balance FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
WHERE p.account = $1 AND e.currency = $2;

-- name: TrialBalance :many
SELECT e.currency, p.account, sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END)::numeric AS debit, sum(CASE WHEN p.amount < 0 THEN -p.amount ELSE 0 END)::numeric AS credit
FROM ledger_postings p JOIN ledger_entries e ON e.id = p.entry_id
WHERE e.recorded_at <= sqlc.arg(watermark)
GROUP BY e.currency, p.account ORDER BY e.currency, p.account;
