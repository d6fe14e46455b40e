-- name: Places :many
-- What the lines of a bill do not say of instances.
SELECT i.id, z.name AS zone, i.labels FROM instances i JOIN zones z ON z.id = i.zone_id
WHERE i.organization_id = $1 AND (sqlc.narg(project_id)::uuid IS NULL OR i.project_id = sqlc.narg(project_id));

-- name: TimeZone :one
SELECT time_zone FROM organizations WHERE id = $1;

-- name: Revisions :one
-- What a line was priced by.
SELECT p.revision AS plan_revision, l.name AS price_list, r.revision AS price_revision, r.published_at
FROM price_list_revisions r JOIN price_lists l ON l.id = r.price_list_id, plan_revisions p
WHERE r.id = sqlc.arg(price_list) AND p.id = sqlc.arg(plan);

-- name: CommandsAt :many
SELECT kind, accepted_at FROM commands
WHERE organization_id = $1 AND instance_id = $2 AND accepted_at = ANY(sqlc.arg(moments)::timestamptz[]) AND accepted_at <= sqlc.arg(watermark)::timestamptz
ORDER BY generation;

-- name: FactsAt :many
SELECT state, effective_at, received_at FROM facts
WHERE organization_id = $1 AND instance_id = $2 AND transition AND effective_at = ANY(sqlc.arg(moments)::timestamptz[]) AND received_at <= sqlc.arg(watermark)::timestamptz
ORDER BY ordinal;

-- name: BackupStepsAt :many
SELECT backup_id, kept, bytes, effective_at, recorded_at FROM backup_steps
WHERE organization_id = $1 AND instance_id = $2 AND effective_at = ANY(sqlc.arg(moments)::timestamptz[]) AND recorded_at <= sqlc.arg(watermark)::timestamptz
ORDER BY ordinal;
