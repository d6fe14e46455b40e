-- name: InsertDrill :exec
INSERT INTO drills (id, organization_id, instance_id, backup_id, kind, state, actor, created_at) VALUES ($1, $2, $3, $4, $5, 'wanted', $6, $7);

-- name: Drills :many
-- Those of an instance, newest first.
SELECT * FROM drills WHERE instance_id = $1 ORDER BY id DESC LIMIT 100;

-- name: Drill :one
SELECT * FROM drills WHERE instance_id = $1 AND id = $2;

-- name: DrillForUpdate :one
SELECT * FROM drills WHERE instance_id = $1 AND id = $2 FOR UPDATE;

-- name: OpenDrill :one
SELECT id FROM drills WHERE instance_id = $1 AND state IN ('wanted', 'running');

-- name: BeginDrill :exec
UPDATE drills SET state = 'running', started_at = $2 WHERE id = $1;

-- name: EndDrill :exec
UPDATE drills SET state = $2, message = $3, started_at = $4, finished_at = $5, measured = $6 WHERE id = $1;

-- name: DrillToCertify :one
-- One that is over and has no certificate yet.
SELECT d.*, b.started_at AS backup_started_at, b.finished_at AS backup_finished_at, b.size_bytes AS backup_size_bytes
FROM drills d JOIN backups b ON b.id = d.backup_id
WHERE d.state IN ('passed', 'failed') AND d.certificate = '' ORDER BY d.id LIMIT 1;

-- name: CertifyDrill :execrows
UPDATE drills SET certificate = $2 WHERE id = $1 AND certificate = '';

-- name: CancelDrills :execrows
UPDATE drills SET state = 'cancelled', message = $2, finished_at = sqlc.arg(at)::timestamptz WHERE instance_id = $1 AND state IN ('wanted', 'running');

-- name: DrillDue :exec
UPDATE backup_sets SET drill_due = $2 WHERE instance_id = $1;
