-- name: LockTerms :exec
-- One revision after the other.
SELECT pg_advisory_xact_lock(hashtextextended('souk.credit_terms', 0));

-- name: InsertTerms :one
INSERT INTO credit_terms (id, organization_id, service_level, revision, from_month, tiers, cap, published_by, recorded_at)
SELECT sqlc.arg(id), sqlc.narg(organization)::uuid, sqlc.arg(service_level)::text,
	coalesce((SELECT max(t.revision) FROM credit_terms t WHERE t.organization_id IS NOT DISTINCT FROM sqlc.narg(organization)::uuid AND t.service_level = sqlc.arg(service_level)::text), 0) + 1,
	sqlc.arg(from_month), sqlc.arg(tiers), sqlc.arg(cap), sqlc.arg(published_by), sqlc.arg(at)
RETURNING revision;

-- name: InForce :many
-- What holds for an organization in a month, as was known at a watermark, by service
-- level: its own terms, or else those of all, and of these the newest.
SELECT DISTINCT ON (t.service_level) sqlc.embed(t), coalesce(o.name, '')::text AS organization FROM credit_terms t LEFT JOIN organizations o ON o.id = t.organization_id
WHERE (t.organization_id IS NULL OR t.organization_id = sqlc.arg(organization)::uuid) AND t.from_month <= sqlc.arg(month)::text AND t.recorded_at <= sqlc.arg(watermark)::timestamptz
ORDER BY t.service_level, t.organization_id IS NULL, t.revision DESC;

-- name: Holds :one
-- Whether anything holds of a service level in a month: for an organization, or for all.
SELECT EXISTS (SELECT FROM credit_terms t WHERE (t.organization_id IS NULL OR t.organization_id = sqlc.narg(organization)::uuid) AND t.service_level = sqlc.arg(service_level) AND t.from_month <= sqlc.arg(month)::text);

-- name: Terms :many
-- All revisions, the newest first.
SELECT sqlc.embed(t), coalesce(o.name, '')::text AS organization FROM credit_terms t LEFT JOIN organizations o ON o.id = t.organization_id
WHERE sqlc.narg(id)::uuid IS NULL OR t.id = sqlc.narg(id)::uuid ORDER BY t.recorded_at DESC, t.id DESC;

-- name: OrganizationByName :one
SELECT id FROM organizations WHERE name = $1;

-- name: Reports :many
-- Reports that a close credits: those made by its watermark, of its month or of earlier
-- ones that were closed, that no close before could credit.
SELECT s.id, s.period, s.watermark, s.sha256, u.from_at, u.to_at, u.time_zone FROM sla_reports s
LEFT JOIN invoice_runs u ON u.organization_id = s.organization_id AND u.month = s.period
WHERE s.organization_id = sqlc.arg(organization) AND s.instances > 0 AND s.made_at <= sqlc.arg(watermark)::timestamptz AND s.period <= sqlc.arg(month)::text
	AND (s.period = sqlc.arg(month)::text OR u.id IS NOT NULL)
	AND NOT EXISTS (SELECT FROM invoice_runs b WHERE b.organization_id = s.organization_id AND b.month >= s.period AND b.month < sqlc.arg(month)::text AND b.watermark >= s.made_at)
ORDER BY s.period;

-- name: Credits :many
-- What invoices gave back: of one organization or of all, of a month or of all, the
-- newest month first. A page begins after what an instance was given back by a report.
WITH after AS (SELECT a.month, o.name, a.project, a.instance, a.report_id, a.line, a.instance_id FROM service_credits a JOIN organizations o ON o.id = a.organization_id
	WHERE a.report_id = sqlc.narg(after_report)::uuid AND a.instance_id = sqlc.narg(after_instance)::uuid)
SELECT c.*, i.number, i.currency, s.watermark, s.sha256, o.name AS organization
FROM service_credits c JOIN invoices i ON i.id = c.invoice_id JOIN sla_reports s ON s.id = c.report_id JOIN organizations o ON o.id = c.organization_id
WHERE (sqlc.narg(organization)::uuid IS NULL OR c.organization_id = sqlc.narg(organization)::uuid) AND (sqlc.arg(month)::text = '' OR c.month = sqlc.arg(month)::text)
	AND (sqlc.narg(after_report)::uuid IS NULL OR c.month < (SELECT a.month FROM after a) OR c.month = (SELECT a.month FROM after a)
		AND (o.name, c.project, c.instance, c.report_id, c.line, c.instance_id) > (SELECT a.name, a.project, a.instance, a.report_id, a.line, a.instance_id FROM after a))
ORDER BY c.month DESC, o.name, c.project, c.instance, c.report_id, c.line, c.instance_id LIMIT sqlc.arg('limit')::int;
