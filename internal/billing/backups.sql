-- name: BackupsNow :many
-- All that were ever heard of, and whether they are kept where that costs something: a
-- customer's own bucket does not.
SELECT id, (state = 'completed' AND bucket_id IS NULL)::boolean AS kept, stored_bytes, finished_at FROM backups WHERE instance_id = $1 ORDER BY finished_at, id;

-- name: BackupSteps :many
SELECT * FROM backup_steps WHERE instance_id = $1 ORDER BY ordinal;

-- name: InsertBackupStep :exec
INSERT INTO backup_steps (organization_id, instance_id, backup_id, kept, bytes, effective_at, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: LiveBackupSegments :many
SELECT * FROM backup_segments WHERE instance_id = $1 AND superseded_at IS NULL ORDER BY from_at;

-- name: CloseBackupSegment :exec
UPDATE backup_segments SET to_at = $2, to_recorded_at = $3 WHERE id = $1;

-- name: SupersedeBackupSegment :exec
UPDATE backup_segments SET superseded_at = $2 WHERE id = $1;

-- name: InsertBackupSegment :exec
INSERT INTO backup_segments (id, organization_id, instance_id, project_id, billing_account_id, from_at, to_at, bytes, plan_revision_id, price_list_revision_id, service_level, recorded_at, to_recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: BackupUses :many
-- The links of an organization's backups that touch a period, as they were known at a watermark.
SELECT s.id, s.instance_id, s.project_id, s.plan_revision_id, s.price_list_revision_id, s.service_level, s.from_at,
	s.to_at, s.to_recorded_at, s.bytes,
	i.name AS instance, (i.phase = 'Purged')::boolean AS gone, i.service, p.name AS project, r.name AS plan
FROM backup_segments s
JOIN instances i ON i.id = s.instance_id
JOIN projects p ON p.id = s.project_id
JOIN plan_revisions r ON r.id = s.plan_revision_id
WHERE s.organization_id = $1
	AND s.recorded_at <= sqlc.arg(watermark)::timestamptz AND (s.superseded_at IS NULL OR s.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND s.from_at < sqlc.arg(period_to)::timestamptz
	AND (tstzrange(s.from_at, s.to_at, '[)') && tstzrange(sqlc.arg(period_from)::timestamptz, sqlc.arg(period_to)::timestamptz, '[)')
		OR s.to_recorded_at > sqlc.arg(watermark)::timestamptz)
	AND (sqlc.narg(project_id)::uuid IS NULL OR s.project_id = sqlc.narg(project_id))
	AND s.bytes > 0
ORDER BY s.instance_id, s.from_at;

-- name: BackupUsesOfInstance :many
-- The same of one instance.
SELECT s.id, s.instance_id, s.project_id, s.plan_revision_id, s.price_list_revision_id, s.service_level, s.from_at,
	s.to_at, s.to_recorded_at, s.bytes,
	i.name AS instance, (i.phase = 'Purged')::boolean AS gone, i.service, p.name AS project, r.name AS plan
FROM backup_segments s
JOIN instances i ON i.id = s.instance_id
JOIN projects p ON p.id = s.project_id
JOIN plan_revisions r ON r.id = s.plan_revision_id
WHERE s.organization_id = $1 AND s.instance_id = $2
	AND s.recorded_at <= sqlc.arg(watermark)::timestamptz AND (s.superseded_at IS NULL OR s.superseded_at > sqlc.arg(watermark)::timestamptz)
	AND s.from_at < sqlc.arg(period_to)::timestamptz
	AND (tstzrange(s.from_at, s.to_at, '[)') && tstzrange(sqlc.arg(period_from)::timestamptz, sqlc.arg(period_to)::timestamptz, '[)')
		OR s.to_recorded_at > sqlc.arg(watermark)::timestamptz)
	AND s.bytes > 0
ORDER BY s.from_at;

-- name: BackupsOf :many
SELECT instance_id, id, (state = 'completed' AND bucket_id IS NULL)::boolean AS kept, stored_bytes, finished_at FROM backups WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, id;

-- name: BackupStepsOf :many
SELECT * FROM backup_steps WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, ordinal;

-- name: AllBackupSegments :many
SELECT * FROM backup_segments WHERE instance_id = ANY(sqlc.arg(instances)::uuid[]) ORDER BY instance_id, from_at, recorded_at, id;
