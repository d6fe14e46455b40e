-- name: Rules :one
SELECT reminder_days, second_days, suspend_days, notice_days, paused FROM dunning_rules WHERE issuer_id = $1;

-- name: SetRules :exec
INSERT INTO dunning_rules (issuer_id, reminder_days, second_days, suspend_days, notice_days, paused, updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (issuer_id) DO UPDATE SET reminder_days = excluded.reminder_days, second_days = excluded.second_days, suspend_days = excluded.suspend_days, notice_days = excluded.notice_days,
	paused = excluded.paused, updated_by = excluded.updated_by, updated_at = excluded.updated_at;

-- name: OverdueInvoices :many
-- Those that are due before a day, of one organization or of all.
WITH b AS MATERIALIZED (SELECT b.* FROM unsettled_invoices u JOIN invoice_balances b ON b.invoice_id = u.invoice_id
	WHERE (sqlc.narg(organization)::uuid IS NULL OR u.organization_id = sqlc.narg(organization)::uuid) AND u.due_on < sqlc.arg(before)::text::date)
SELECT b.invoice_id, b.organization_id, o.name AS organization, b.number, b.reference, b.currency, coalesce(b.due_on::text, '')::text AS due_on, b.payable, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open, b.written_off
FROM b JOIN organizations o ON o.id = b.organization_id
WHERE b.kind = 'invoice' AND b.payable - b.paid - b.credited - b.written_off > 0
ORDER BY o.name, b.due_on, b.number;

-- name: Steps :many
-- What has been done about invoices, in the round that they are in.
SELECT s.invoice_id, s.step, s.taken_on::text AS taken_on FROM dunning_steps s
WHERE s.invoice_id = ANY (sqlc.arg(invoices)::uuid[])
	AND (s.step IN ('reminder', 'second') OR s.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NOT NULL));

-- name: InsertStep :execrows
INSERT INTO dunning_steps (invoice_id, organization_id, step, round, taken_on, recorded_at)
VALUES (sqlc.arg(invoice_id), sqlc.arg(organization_id), sqlc.arg(step), (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = sqlc.arg(organization_id) AND h.ended_at IS NOT NULL), sqlc.arg(taken_on)::text::date, sqlc.arg(recorded_at))
ON CONFLICT DO NOTHING;

-- name: Holds :many
-- What holds dunning now; of one organization or of all.
SELECT h.organization_id, o.name AS organization, h.reason, coalesce(h.until_on::text, '')::text AS until_on, h.made_by, h.made_at FROM dunning_holds h JOIN organizations o ON o.id = h.organization_id
WHERE h.ended_at IS NULL AND (sqlc.narg(organization)::uuid IS NULL OR h.organization_id = sqlc.narg(organization)::uuid) ORDER BY o.name;

-- name: InsertHold :exec
INSERT INTO dunning_holds (id, organization_id, reason, until_on, made_by, made_at) VALUES ($1, $2, $3, nullif(sqlc.arg(until_on)::text, '')::date, $4, $5);

-- name: EndHold :execrows
UPDATE dunning_holds SET ended_by = sqlc.arg(by), ended_at = sqlc.arg(at)::timestamptz WHERE organization_id = sqlc.arg(organization_id) AND ended_at IS NULL;

-- name: EndHoldsOver :exec
UPDATE dunning_holds SET ended_by = sqlc.arg(by), ended_at = sqlc.arg(at)::timestamptz WHERE until_on < sqlc.arg(today)::text::date AND ended_at IS NULL;

-- name: Suspended :many
-- How many instances of each organization dunning has suspended; of one or of all.
SELECT s.organization_id, o.name AS organization, count(*)::int AS n FROM dunning_suspended s JOIN organizations o ON o.id = s.organization_id
WHERE sqlc.narg(organization)::uuid IS NULL OR s.organization_id = sqlc.narg(organization)::uuid GROUP BY s.organization_id, o.name;

-- name: ToSuspend :many
SELECT i.id, i.organization_id, i.project_id, i.name FROM instances i JOIN dunning_due d ON d.organization_id = i.organization_id
WHERE i.intent IN ('active', 'suspended') AND NOT 'dunning' = ANY (i.suspended_for) ORDER BY i.id LIMIT 1;

-- name: ToResume :many
SELECT i.id, i.organization_id, i.project_id, i.name FROM dunning_suspended s JOIN instances i ON i.id = s.instance_id
WHERE i.intent IN ('active', 'suspended') AND NOT EXISTS (SELECT FROM dunning_due d WHERE d.organization_id = s.organization_id) ORDER BY i.id LIMIT 1;

-- name: Unpaid :many
-- Invoices for which an organization is suspended, with what is not paid of them, written
-- off or not.
SELECT b.number, b.reference, b.currency, coalesce(b.due_on::text, '')::text AS due_on, (b.payable - b.paid - b.credited)::numeric AS unpaid, b.written_off
FROM dunning_due d JOIN dunning_steps s ON s.organization_id = d.organization_id JOIN invoice_balances b ON b.invoice_id = s.invoice_id
WHERE d.organization_id = $1 AND s.step = 'suspended' AND b.payable - b.paid - b.credited > 0
	AND s.round = (SELECT count(*) FROM dunning_holds h WHERE h.organization_id = s.organization_id AND h.ended_at IS NOT NULL)
ORDER BY b.due_on, b.number;

-- name: SuspendedByOperator :many
-- The first of an organization's instances, where the operator has suspended all that it
-- uses, for abuse or by hand for dunning. What is deleted counts where it was suspended.
WITH mine AS (
	SELECT i.name, i.intent, 'abuse' = ANY (i.suspended_for) AS abuse, 'abuse' = ANY (i.suspended_for)
		OR 'dunning' = ANY (i.suspended_for) AND NOT EXISTS (SELECT FROM dunning_suspended s WHERE s.instance_id = i.id) AS stopped
	FROM instances i WHERE i.organization_id = $1 AND i.intent <> 'purged'
)
SELECT m.name, (CASE WHEN m.abuse THEN 'abuse' ELSE 'dunning' END)::text AS reason FROM mine m
WHERE m.stopped AND NOT EXISTS (SELECT FROM mine o WHERE o.intent IN ('active', 'suspended') AND NOT o.stopped) ORDER BY m.name LIMIT 1;

-- name: InsertSuspended :exec
INSERT INTO dunning_suspended (instance_id, organization_id, suspended_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: DeleteSuspended :exec
DELETE FROM dunning_suspended WHERE instance_id = $1;

-- name: MailTo :many
-- Whom an organization's reminders go to: the address of its billing profile, or those
-- who see its costs.
SELECT p.email, p.language FROM billing_profiles p WHERE p.organization_id = $1 AND p.email <> ''
UNION ALL
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'billing') AND a.disabled_at IS NULL
	AND NOT EXISTS (SELECT FROM billing_profiles p WHERE p.organization_id = $1 AND p.email <> '')
ORDER BY 1;
