-- name: UsageWindows :many
-- The hours of usage that begin in a period, as they were known at a watermark, each with
-- the link of the instance's chain that its beginning lies in, or the nearest.
SELECT w.ordinal, w.instance_id, w.meter, w.hour, w.quantity, w.events, s.project_id, s.plan_revision_id, s.price_list_revision_id, s.service_level,
	i.name AS instance, (i.phase = 'Purged')::boolean AS gone, i.service, p.name AS project, r.name AS plan
FROM usage_windows w
JOIN instances i ON i.id = w.instance_id
JOIN LATERAL (
	SELECT project_id, plan_revision_id, price_list_revision_id, service_level FROM segments
	WHERE instance_id = w.instance_id AND recorded_at <= sqlc.arg(watermark)::timestamptz AND (superseded_at IS NULL OR superseded_at > sqlc.arg(watermark)::timestamptz)
	-- Those that end after the hour's beginning first, the earliest of them; else the last.
	ORDER BY (to_at <= w.hour AND to_recorded_at <= sqlc.arg(watermark)::timestamptz) IS TRUE,
		CASE WHEN (to_at <= w.hour AND to_recorded_at <= sqlc.arg(watermark)::timestamptz) IS TRUE THEN -extract(epoch FROM from_at) ELSE extract(epoch FROM from_at) END
	LIMIT 1
) s ON true
JOIN projects p ON p.id = s.project_id
JOIN plan_revisions r ON r.id = s.plan_revision_id
WHERE w.organization_id = $1 AND (sqlc.narg(instance_id)::uuid IS NULL OR w.instance_id = sqlc.narg(instance_id))
	AND (sqlc.narg(project_id)::uuid IS NULL OR s.project_id = sqlc.narg(project_id))
	AND w.hour >= sqlc.arg(period_from)::timestamptz AND w.hour < sqlc.arg(period_to)::timestamptz
	AND w.recorded_at <= sqlc.arg(watermark)::timestamptz AND (w.superseded_at IS NULL OR w.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND w.quantity > 0
ORDER BY w.instance_id, w.hour, w.meter;

-- name: MetersOfInstances :many
-- Each revision's definition is read once, however many instances are of it.
WITH used AS MATERIALIZED (SELECT i.id, i.package_revision_id FROM instances i WHERE i.id = ANY(sqlc.arg(instances)::uuid[])),
metered AS MATERIALIZED (
	SELECT r.id, (m.meter->>'name')::text AS meter FROM package_revisions r, jsonb_array_elements(coalesce(r.definition->'meters', '[]')) AS m (meter)
	WHERE r.id IN (SELECT package_revision_id FROM used)
)
SELECT used.id, metered.meter FROM used JOIN metered ON metered.id = used.package_revision_id;

-- name: UsageMarks :many
-- For which times nothing of a meter is missing, as it was known at a watermark.
SELECT instance_id, meter, from_at, to_at FROM usage_marks
WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) AND to_at > sqlc.arg(period_from)::timestamptz AND from_at < sqlc.arg(period_to)::timestamptz AND recorded_at <= sqlc.arg(watermark)::timestamptz
ORDER BY instance_id, meter, from_at;
