-- name: Organization :one
SELECT id, name, time_zone FROM organizations WHERE name = $1;

-- name: LockOrganization :exec
-- One at a time agrees on something with an organization.
SELECT FROM organizations WHERE id = $1 FOR NO KEY UPDATE;

-- name: List :many
-- Agreements, the newest first, each with its earliest end and how it came about.
SELECT sqlc.embed(a), o.name AS organization, o.time_zone, a.from_day::text AS from_text, coalesce(least(a.to_day, e.to_day)::text, '')::text AS to_text,
	coalesce(e.reason, '')::text AS reason, coalesce(e.recorded_by, '')::text AS ended_by, (e.recorded_at IS NOT NULL)::boolean AS ended, coalesce(e.recorded_at, a.recorded_at)::timestamptz AS ended_at
FROM agreements a JOIN organizations o ON o.id = a.organization_id
LEFT JOIN LATERAL (SELECT n.to_day, n.reason, n.recorded_by, n.recorded_at FROM agreement_ends n WHERE n.agreement_id = a.id ORDER BY n.to_day, n.id LIMIT 1) e ON true
WHERE (sqlc.narg(organization_id)::uuid IS NULL OR a.organization_id = sqlc.narg(organization_id))
	AND (sqlc.narg(id)::uuid IS NULL OR a.id = sqlc.narg(id))
	AND (sqlc.narg(before)::uuid IS NULL OR a.id < sqlc.narg(before))
ORDER BY a.id DESC LIMIT sqlc.arg(most);

-- name: CountHolding :one
-- How many agreements of an organization hold on a day or later.
SELECT count(*) FROM agreements a
WHERE a.organization_id = $1 AND coalesce(least(a.to_day, (SELECT min(n.to_day) FROM agreement_ends n WHERE n.agreement_id = a.id)) > greatest(sqlc.arg(day)::text::date, a.from_day), true);

-- name: Insert :exec
INSERT INTO agreements (id, organization_id, name, kind, percent, amount, tiers, currency, service, plan, item, from_day, to_day, recorded_at, recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, sqlc.arg(from_day)::text::date, sqlc.narg(to_day)::text::date, sqlc.arg(at), sqlc.arg(by));

-- name: InsertEnd :exec
INSERT INTO agreement_ends (id, organization_id, agreement_id, to_day, reason, recorded_at, recorded_by)
VALUES ($1, $2, $3, sqlc.arg(to_day)::text::date, $4, sqlc.arg(at), sqlc.arg(by));
