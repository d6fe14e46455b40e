-- name: List :many
SELECT sqlc.embed(b), coalesce(p.name, '')::text AS project FROM budgets b LEFT JOIN projects p ON p.id = b.project_id
WHERE b.organization_id = $1 ORDER BY b.name;

-- name: Get :one
SELECT sqlc.embed(b), coalesce(p.name, '')::text AS project FROM budgets b LEFT JOIN projects p ON p.id = b.project_id
WHERE b.organization_id = $1 AND b.name = $2;

-- name: Count :one
SELECT count(*) FROM budgets WHERE organization_id = $1;

-- name: Put :one
-- What was found of it stays known while it is about the same costs.
INSERT INTO budgets (id, organization_id, project_id, name, amount, currency, actual, forecast, action, created_at, updated_at, look_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)
ON CONFLICT (organization_id, name) DO UPDATE SET project_id = excluded.project_id, amount = excluded.amount, currency = excluded.currency, actual = excluded.actual,
	forecast = excluded.forecast, action = excluded.action, updated_at = excluded.updated_at, look_at = excluded.look_at,
	period_to = CASE WHEN (budgets.project_id, budgets.currency) IS NOT DISTINCT FROM (excluded.project_id, excluded.currency) THEN budgets.period_to END
RETURNING id;

-- name: Delete :execrows
DELETE FROM budgets WHERE organization_id = $1 AND name = $2;

-- name: Due :many
-- At most one budget that is to be looked at.
SELECT b.*, o.name AS organization FROM budgets b JOIN organizations o ON o.id = b.organization_id WHERE b.look_at <= sqlc.arg(now) ORDER BY b.look_at, b.id LIMIT 1;

-- name: Found :execrows
-- What was found of a budget as it was when it was looked at: one that was changed
-- meanwhile, or that another replica has looked at, stays as it is.
UPDATE budgets SET period = $3, period_to = $4, spent = $5, expected = $6, looked_at = $7, look_at = $8
WHERE id = $1 AND look_at = sqlc.arg(due)::timestamptz AND updated_at = $2;

-- name: Tell :execrows
INSERT INTO budget_notices (organization_id, budget_id, period, basis, percent, amount, reached, told_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING;

-- name: Told :many
SELECT * FROM budget_notices WHERE organization_id = $1 AND period = $2 ORDER BY told_at, basis, percent;

-- name: Readers :many
-- Those who are mailed about the organization's budgets.
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'billing') AND a.disabled_at IS NULL
ORDER BY a.email;

-- name: Covering :many
-- The budgets that an instance of a project counts for.
SELECT * FROM budgets b WHERE b.organization_id = $1 AND (b.project_id IS NULL OR b.project_id = sqlc.arg(project)) ORDER BY b.name;

-- name: ToSuspend :many
-- One instance that a budget that is used up suspends.
SELECT i.id, i.organization_id FROM instances i
WHERE i.suspendable AND i.intent IN ('active', 'suspended') AND NOT 'budget' = ANY (i.suspended_for)
	AND EXISTS (SELECT FROM budgets b WHERE b.organization_id = i.organization_id AND (b.project_id IS NULL OR b.project_id = i.project_id)
		AND b.action = 'suspend' AND b.spent >= b.amount AND b.period_to > sqlc.arg(now)::timestamptz)
ORDER BY i.id LIMIT 1;

-- name: ToResume :many
-- One instance that a budget has suspended, and none does any more. One that is deleted
-- waits until it is brought back.
SELECT s.instance_id, s.organization_id FROM budget_suspensions s JOIN instances i ON i.id = s.instance_id
WHERE i.intent IN ('active', 'suspended') AND (NOT i.suspendable
	OR NOT EXISTS (SELECT FROM budgets b WHERE b.organization_id = i.organization_id AND (b.project_id IS NULL OR b.project_id = i.project_id)
		AND b.action = 'suspend' AND b.spent >= b.amount AND b.period_to > sqlc.arg(now)::timestamptz))
ORDER BY s.instance_id LIMIT 1;

-- name: Suspended :exec
INSERT INTO budget_suspensions (instance_id, organization_id, suspended_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: Resumed :exec
DELETE FROM budget_suspensions WHERE instance_id = $1;

-- name: InstancesSuspended :many
SELECT p.name AS project, i.name, i.project_id FROM budget_suspensions s JOIN instances i ON i.id = s.instance_id JOIN projects p ON p.id = i.project_id
WHERE s.organization_id = $1 AND i.intent = 'suspended' ORDER BY p.name, i.name;

-- name: OpenAlert :many
SELECT * FROM budget_alerts WHERE budget_id = $1;

-- name: PutAlert :exec
INSERT INTO budget_alerts (id, organization_id, budget_id, budget, period, period_to, summary, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET summary = excluded.summary;

-- name: DeleteAlert :execrows
DELETE FROM budget_alerts WHERE id = $1;

-- name: AlertsOver :many
-- One whose month is over, or whose budget is gone.
SELECT sqlc.embed(a), o.name AS organization FROM budget_alerts a JOIN organizations o ON o.id = a.organization_id
WHERE a.period_to <= sqlc.arg(now) OR NOT EXISTS (SELECT FROM budgets b WHERE b.id = a.budget_id) ORDER BY a.since, a.id LIMIT 1;
