-- name: Commands :many
SELECT * FROM commands WHERE instance_id = $1 ORDER BY generation;

-- name: Transitions :many
-- The facts that can change a chain.
SELECT state, generation, effective_at FROM facts WHERE instance_id = $1 AND transition ORDER BY ordinal;

-- name: LiveSegments :many
SELECT * FROM segments WHERE instance_id = $1 AND superseded_at IS NULL ORDER BY from_at;

-- name: CloseSegment :exec
UPDATE segments SET to_at = $2, to_recorded_at = $3 WHERE id = $1;

-- name: SupersedeSegment :exec
UPDATE segments SET superseded_at = $2 WHERE id = $1;

-- name: InsertSegment :exec
INSERT INTO segments (id, organization_id, instance_id, project_id, billing_account_id, from_at, to_at, state, compute_billed, storage_billed, plan_revision_id, price_list_revision_id, service_level, storage_gib, recorded_at, to_recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: Uses :many
-- The segments of an organization that touch a period, as they were known at a watermark:
-- recorded by then, and neither superseded nor closed unless that was known too.
SELECT s.id, s.instance_id, s.project_id, s.plan_revision_id, s.price_list_revision_id, s.service_level, s.from_at,
	s.to_at, s.to_recorded_at, s.state, s.compute_billed, s.storage_billed, s.storage_gib,
	i.name AS instance, (i.phase = 'Purged')::boolean AS gone, i.service, p.name AS project, r.name AS plan
FROM segments s
JOIN instances i ON i.id = s.instance_id
JOIN projects p ON p.id = s.project_id
JOIN plan_revisions r ON r.id = s.plan_revision_id
WHERE s.organization_id = $1
	AND s.recorded_at <= sqlc.arg(watermark)::timestamptz AND (s.superseded_at IS NULL OR s.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND s.from_at < sqlc.arg(period_to)::timestamptz
	AND (tstzrange(s.from_at, s.to_at, '[)') && tstzrange(sqlc.arg(period_from)::timestamptz, sqlc.arg(period_to)::timestamptz, '[)')
		OR s.to_recorded_at > sqlc.arg(watermark)::timestamptz)
	AND (sqlc.narg(project_id)::uuid IS NULL OR s.project_id = sqlc.narg(project_id))
	AND (s.compute_billed OR s.storage_billed)
ORDER BY s.instance_id, s.from_at;

-- name: UsesOfInstance :many
-- The same of one instance: a statement of its own, for its plan must not be one
-- that suits a whole organization.
SELECT s.id, s.instance_id, s.project_id, s.plan_revision_id, s.price_list_revision_id, s.service_level, s.from_at,
	s.to_at, s.to_recorded_at, s.state, s.compute_billed, s.storage_billed, s.storage_gib,
	i.name AS instance, (i.phase = 'Purged')::boolean AS gone, i.service, p.name AS project, r.name AS plan
FROM segments s
JOIN instances i ON i.id = s.instance_id
JOIN projects p ON p.id = s.project_id
JOIN plan_revisions r ON r.id = s.plan_revision_id
WHERE s.organization_id = $1 AND s.instance_id = $2
	AND s.recorded_at <= sqlc.arg(watermark)::timestamptz AND (s.superseded_at IS NULL OR s.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND s.from_at < sqlc.arg(period_to)::timestamptz
	AND (tstzrange(s.from_at, s.to_at, '[)') && tstzrange(sqlc.arg(period_from)::timestamptz, sqlc.arg(period_to)::timestamptz, '[)')
		OR s.to_recorded_at > sqlc.arg(watermark)::timestamptz)
	AND (s.compute_billed OR s.storage_billed)
ORDER BY s.from_at;

-- name: PricesOfRevisions :many
SELECT p.price_list_revision_id, p.service, p.plan, p.service_level, p.item, p.unit, p.amount, p.mode, p.tiers, p.minimum, r.currency
FROM prices p JOIN price_list_revisions r ON r.id = p.price_list_revision_id
WHERE p.price_list_revision_id = ANY(sqlc.arg(revisions)::uuid[]);

-- name: AuditedInstances :many
SELECT i.*, o.name AS organization FROM instances i JOIN organizations o ON o.id = i.organization_id WHERE i.id > $1 ORDER BY i.id LIMIT 500;

-- name: CommandsOf :many
SELECT * FROM commands WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, generation;

-- name: RawFacts :many
SELECT instance_id, epoch, sequence, organization_id, state, generation, transition, effective_at, reported_at, received_at,
	coalesce(observation->>'state', '')::text AS said_state, coalesce((observation->>'generation')::bigint, 0)::bigint AS said_generation
FROM facts WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, ordinal;

-- name: AllSegments :many
-- The links of chains as they are known now, and those that were superseded.
SELECT * FROM segments WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, from_at, recorded_at, id;

-- name: Orphans :many
-- What belongs to no instance.
SELECT instance_id FROM commands c WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = c.instance_id)
UNION SELECT instance_id FROM facts f WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = f.instance_id)
UNION SELECT instance_id FROM backup_steps b WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = b.instance_id)
UNION SELECT instance_id FROM backup_segments b WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = b.instance_id)
UNION SELECT instance_id FROM segments s WHERE NOT EXISTS (SELECT FROM instances i WHERE i.id = s.instance_id)
ORDER BY 1;

-- name: FirstReady :many
-- When each of the instances was ready for the first time, as known at a watermark.
SELECT instance_id, min(from_at)::timestamptz AS at FROM segments
WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) AND compute_billed
	AND recorded_at <= sqlc.arg(watermark)::timestamptz AND (superseded_at IS NULL OR superseded_at > sqlc.arg(watermark)::timestamptz)
GROUP BY instance_id;
