-- name: Due :many
-- One organization that is to be told of a revision, of the oldest first.
SELECT n.price_list_revision_id, n.organization_id, o.name AS organization, o.time_zone
FROM price_notices n JOIN organizations o ON o.id = n.organization_id
WHERE n.told_at IS NULL ORDER BY n.price_list_revision_id, n.organization_id LIMIT 1 FOR UPDATE OF n SKIP LOCKED;

-- name: Told :exec
UPDATE price_notices SET told_at = sqlc.arg(at)::timestamptz, instances = $3 WHERE price_list_revision_id = $1 AND organization_id = $2;

-- name: AcceptedBefore :many
-- What an organization has by earlier revisions of a revision's list.
SELECT i.id, i.name, p.name AS project, i.service, l.name AS plan, i.service_level, i.price_list_revision_id, i.backup, i.intent, i.purge_at
FROM instances i
JOIN projects p ON p.id = i.project_id
JOIN plan_revisions l ON l.id = i.plan_revision_id
JOIN price_list_revisions r ON r.id = i.price_list_revision_id
JOIN price_list_revisions n ON n.price_list_id = r.price_list_id AND n.revision > r.revision
WHERE i.organization_id = $1 AND n.id = sqlc.arg(revision) AND i.intent <> 'purged'
ORDER BY p.name, i.name;

-- name: AcceptedBeforeAny :many
-- What an organization has for which a later revision of its list can still be to come:
-- one that was published since, and prices it from the next month on.
SELECT i.id, i.name, p.name AS project, i.service, l.name AS plan, i.service_level, i.price_list_revision_id, i.backup, i.intent, i.purge_at
FROM instances i
JOIN projects p ON p.id = i.project_id
JOIN plan_revisions l ON l.id = i.plan_revision_id
JOIN price_list_revisions r ON r.id = i.price_list_revision_id
WHERE i.organization_id = $1 AND (sqlc.narg(project_id)::uuid IS NULL OR i.project_id = sqlc.narg(project_id)) AND i.intent <> 'purged'
	AND EXISTS (SELECT FROM price_list_revisions n WHERE n.price_list_id = r.price_list_id AND n.revision > r.revision
		AND n.policy = 'next-period' AND n.published_at > sqlc.arg(since)::timestamptz)
ORDER BY p.name, i.name;

-- name: TimeZone :one
SELECT time_zone FROM organizations WHERE id = $1;

-- name: MailTo :many
-- Whom an organization's invoices are mailed to: the address of its billing profile, or
-- those who see its costs.
SELECT p.email, p.language FROM billing_profiles p WHERE p.organization_id = $1 AND p.email <> ''
UNION ALL
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'billing') AND a.disabled_at IS NULL
	AND NOT EXISTS (SELECT FROM billing_profiles p WHERE p.organization_id = $1 AND p.email <> '')
ORDER BY 1;
