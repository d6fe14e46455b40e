-- name: Instances :many
-- Those of an organization that were to serve in a period, as was known at a
-- watermark, with what they were ordered as last.
SELECT DISTINCT ON (i.id) i.id, i.name, i.service, i.package_revision_id, p.name AS project, s.service_level, z.driver
FROM segments s JOIN instances i ON i.id = s.instance_id JOIN projects p ON p.id = i.project_id JOIN zones z ON z.id = i.zone_id
WHERE s.organization_id = $1 AND (sqlc.narg(instance)::uuid IS NULL OR s.instance_id = sqlc.narg(instance)::uuid)
	AND s.state IN ('active', 'failed') AND s.recorded_at <= sqlc.arg(watermark)::timestamptz AND (s.superseded_at IS NULL OR s.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND s.from_at < sqlc.arg(to_at)::timestamptz
	AND (s.to_at IS NULL OR s.to_recorded_at > sqlc.arg(watermark)::timestamptz OR s.to_at > sqlc.arg(from_at)::timestamptz)
ORDER BY i.id, s.from_at DESC;

-- name: Service :many
-- When instances were to serve, as was known at a watermark; what goes on does so until then.
SELECT instance_id, from_at, coalesce(CASE WHEN to_recorded_at <= sqlc.arg(watermark)::timestamptz THEN to_at END, sqlc.arg(until)::timestamptz)::timestamptz AS to_at FROM segments
WHERE instance_id = ANY (sqlc.arg(instances)::uuid[]) AND state IN ('active', 'failed')
	AND recorded_at <= sqlc.arg(watermark)::timestamptz AND (superseded_at IS NULL OR superseded_at > sqlc.arg(watermark)::timestamptz)
ORDER BY instance_id, from_at;

-- name: Measured :many
-- What zones measured, as was known at a watermark; what follows each other in the
-- same state is one.
SELECT instance_id, state, lower(during)::timestamptz AS from_at, upper(during)::timestamptz AS to_at FROM (
	SELECT instance_id, state, unnest(range_agg(tstzrange(from_at, to_at, '[)'))) AS during FROM sli_intervals
	WHERE instance_id = ANY (sqlc.arg(instances)::uuid[]) AND tstzrange(from_at, to_at, '[)') && tstzrange(sqlc.arg(from_at)::timestamptz, sqlc.arg(until)::timestamptz, '[)')
		AND recorded_at <= sqlc.arg(watermark)::timestamptz
	GROUP BY instance_id, state) merged
ORDER BY instance_id, from_at;

-- name: Changes :many
-- Changes that users asked for, and when the zone reported the first thing after
-- which each was in force, as was known at a watermark.
SELECT c.instance_id, c.accepted_at,
	coalesce((SELECT min(f.effective_at) FROM facts f WHERE f.instance_id = c.instance_id AND f.generation >= c.generation AND f.received_at <= sqlc.arg(watermark)::timestamptz), sqlc.arg(until)::timestamptz)::timestamptz AS done_at
FROM commands c
WHERE c.instance_id = ANY (sqlc.arg(instances)::uuid[]) AND c.kind = 'update'
	AND c.accepted_at > sqlc.arg(since)::timestamptz AND c.accepted_at < sqlc.arg(until)::timestamptz AND c.accepted_at <= sqlc.arg(watermark)::timestamptz
ORDER BY c.instance_id, c.generation;

-- name: Maintained :many
-- Maintenance that was under way, as was known at a watermark: until its end, or that of
-- the time that was agreed for it.
SELECT instance_id, began_at::timestamptz AS began_at,
	least(CASE WHEN ended_at <= sqlc.arg(watermark)::timestamptz THEN ended_at END, until_at, sqlc.arg(until)::timestamptz)::timestamptz AS done_at
FROM maintenances
WHERE instance_id = ANY (sqlc.arg(instances)::uuid[]) AND began_at <= sqlc.arg(watermark)::timestamptz
	AND began_at < sqlc.arg(until)::timestamptz AND until_at > sqlc.arg(since)::timestamptz
ORDER BY instance_id, began_at;

-- name: Zone :one
SELECT name, display_name, time_zone FROM organizations WHERE id = $1;

-- name: Burnable :many
-- Instances that were down since a moment, and others that are asked for, with what was
-- measured of each last.
SELECT i.id, i.organization_id, i.zone_id, i.name, i.service, i.service_level, i.package_revision_id, o.name AS organization, p.name AS project, z.name AS zone, z.driver,
	coalesce(l.state, '')::text AS last_state, coalesce(l.to_at, i.created_at)::timestamptz AS last_at
FROM instances i JOIN organizations o ON o.id = i.organization_id JOIN projects p ON p.id = i.project_id JOIN zones z ON z.id = i.zone_id
	LEFT JOIN LATERAL (SELECT s.state, s.to_at FROM sli_intervals s WHERE s.instance_id = i.id ORDER BY s.to_at DESC LIMIT 1) l ON true
WHERE i.id = ANY (sqlc.arg(others)::uuid[]) OR i.id IN (SELECT d.instance_id FROM sli_intervals d WHERE d.state = 'down' AND d.to_at > sqlc.arg(since)::timestamptz)
ORDER BY i.id;

-- name: Unreported :many
-- At most one month, of those that were over at a moment by an organization's own clocks,
-- of which there is no report: the oldest of its last months first, of which some may have
-- gone by without a control plane.
SELECT o.id, o.name, m.period::text AS period FROM organizations o CROSS JOIN LATERAL (
	SELECT date_trunc('month', sqlc.arg(at)::timestamptz AT TIME ZONE o.time_zone) AS month) n CROSS JOIN LATERAL (
	SELECT to_char(f.month, 'YYYY-MM') AS period, (f.month + interval '1 month') AT TIME ZONE o.time_zone AS ended_at
	FROM generate_series(n.month - sqlc.arg(months)::int * interval '1 month', n.month - interval '1 month', interval '1 month') f (month)) m
WHERE o.created_at < m.ended_at AND NOT EXISTS (SELECT FROM sla_reports r WHERE r.organization_id = o.id AND r.period = m.period)
ORDER BY m.period, o.id LIMIT 1;

-- name: InsertReport :execrows
INSERT INTO sla_reports (id, organization_id, period, watermark, rules_version, instances, missed, sha256, content, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (organization_id, period) DO NOTHING;

-- name: ReportReaders :many
-- Those who are mailed an organization's reports.
SELECT DISTINCT a.email, a.locale FROM members m JOIN accounts a ON a.id = m.account_id
WHERE m.organization_id = $1 AND m.project_id IS NULL AND m.role IN ('owner', 'admin', 'billing') AND a.disabled_at IS NULL
ORDER BY a.email;

-- name: Reports :many
SELECT period, watermark, rules_version, instances, missed, sha256, made_at FROM sla_reports WHERE organization_id = $1 AND instances > 0 ORDER BY period DESC;

-- name: Made :one
-- A report as it was made when its month was over.
SELECT sha256, content FROM sla_reports WHERE organization_id = $1 AND period = $2 AND watermark = $3;
