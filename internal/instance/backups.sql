-- name: InsertBackupSet :exec
INSERT INTO backup_sets (instance_id, organization_id, secret, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (instance_id) DO NOTHING;

-- name: BackupSet :one
SELECT * FROM backup_sets WHERE instance_id = $1;

-- name: BackupSetForUpdate :one
SELECT * FROM backup_sets WHERE instance_id = $1 FOR UPDATE;

-- name: InsertBackupReport :execrows
INSERT INTO backup_reports (zone_id, epoch, sequence, organization_id, instance_id, boot_id, reported_at, real_at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (zone_id, epoch, sequence) DO NOTHING;

-- name: ReportBackupSet :exec
-- Where another place is looked at than before, nothing is known of points in time there but what is told now.
UPDATE backup_sets SET archiving = sqlc.arg(archiving), archived_until = CASE WHEN bucket_id IS NOT DISTINCT FROM sqlc.narg(bucket_id)::uuid THEN coalesce(sqlc.narg(archived_until), archived_until) ELSE sqlc.narg(archived_until) END,
	bucket_id = sqlc.narg(bucket_id)::uuid, message = sqlc.arg(message), reported_at = sqlc.arg(reported_at), look_at = sqlc.arg(reported_at) WHERE instance_id = sqlc.arg(instance_id);

-- name: EndArchiving :exec
-- The instance has stopped, and put away all that there was.
UPDATE backup_sets SET archiving = false, archived_until = $2 WHERE instance_id = $1 AND archiving;

-- name: Backups :many
-- Those of an instance that have not expired, newest first.
SELECT * FROM backups WHERE instance_id = $1 AND state <> 'expired' ORDER BY created_at DESC, id DESC;

-- name: AllBackups :many
SELECT * FROM backups WHERE instance_id = $1;

-- name: Backup :one
SELECT * FROM backups WHERE instance_id = $1 AND id = $2;

-- name: InsertBackup :exec
INSERT INTO backups (id, organization_id, instance_id, kind, state, actor, created_at) VALUES ($1, $2, $3, 'requested', 'wanted', $4, $5);

-- name: CompleteBackup :exec
-- What was removed comes back only where it was taken anew, after its deletion, for the same time of its schedule.
INSERT INTO backups (id, organization_id, instance_id, kind, state, message, created_at, started_at, finished_at, started_real, finished_real, size_bytes, stored_bytes, bucket_id)
VALUES ($1, $2, $3, $4, 'completed', $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET state = 'completed', bucket_id = excluded.bucket_id, message = excluded.message, started_at = excluded.started_at, finished_at = excluded.finished_at,
	started_real = excluded.started_real, finished_real = excluded.finished_real, size_bytes = excluded.size_bytes, stored_bytes = excluded.stored_bytes, expired_at = NULL,
	created_at = CASE WHEN backups.state IN ('expiring', 'expired') THEN excluded.created_at ELSE backups.created_at END
WHERE backups.instance_id = excluded.instance_id AND (backups.state NOT IN ('expiring', 'expired') OR excluded.started_real > backups.started_real);

-- name: AttemptBackup :exec
INSERT INTO backups (id, organization_id, instance_id, kind, state, message, created_at, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, message = excluded.message, started_at = excluded.started_at
WHERE backups.instance_id = excluded.instance_id AND backups.state IN ('wanted', 'running', 'failed', 'lost');

-- name: LoseBackup :exec
UPDATE backups SET state = 'lost', message = $2 WHERE id = $1;

-- name: BackupSetDue :many
-- One whose backups may have to expire.
SELECT instance_id FROM backup_sets WHERE look_at <= sqlc.arg(due)::timestamptz ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: LookAtBackupSet :exec
UPDATE backup_sets SET look_at = $2 WHERE instance_id = $1;

-- name: ExpireBackup :exec
UPDATE backups SET state = 'expiring' WHERE id = $1 AND state IN ('completed', 'lost');

-- name: LockBackups :many
-- Those of an instance that can be restored, locked so that nothing is made of them meanwhile.
SELECT * FROM backups WHERE instance_id = $1 AND state = 'completed' FOR UPDATE;

-- name: LockBackup :one
SELECT state FROM backups WHERE id = $1 FOR UPDATE;

-- name: HoldBackup :one
SELECT id FROM backups WHERE id = $1 AND state = 'completed' FOR SHARE;

-- name: BackupsExpiring :many
-- Those to be removed, with what it takes; last says that nothing else is kept of an instance that is gone.
SELECT b.id, b.instance_id, b.organization_id, b.bucket_id, i.project_id, i.zone_id, i.service, i.name, s.secret,
	(i.phase = 'Purged' AND NOT EXISTS (SELECT FROM backups o WHERE o.instance_id = b.instance_id AND o.id <> b.id AND o.bucket_id IS NOT DISTINCT FROM b.bucket_id AND o.state IN ('completed', 'expiring')))::boolean AS last
FROM backups b JOIN instances i ON i.id = b.instance_id JOIN backup_sets s ON s.instance_id = b.instance_id
WHERE b.state = 'expiring' ORDER BY b.id LIMIT $1;

-- name: BackupExpired :execrows
UPDATE backups SET state = 'expired', expired_at = $2 WHERE id = $1 AND state = 'expiring';

-- name: InsertRestore :exec
INSERT INTO restores (instance_id, organization_id, source_id, backup_id, target, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: RestoresUnderWay :many
-- The backups of an instance that others are being made of, or a drill or itself is.
SELECT r.backup_id FROM restores r JOIN instances i ON i.id = r.instance_id
WHERE r.source_id = $1 AND NOT i.held_data AND i.intent IN ('active', 'suspended')
UNION SELECT d.backup_id FROM drills d WHERE d.instance_id = $1 AND d.state IN ('wanted', 'running')
UNION SELECT unnest(ARRAY[w.backup_id, w.safety_id]) FROM rewinds w WHERE w.instance_id = $1 AND w.state IN ('backing-up', 'restoring');

-- name: NewestByName :one
-- The instance of that name, or else the one that was removed for good last.
SELECT * FROM instances WHERE project_id = $1 AND name = $2 ORDER BY phase = 'Purged', created_at DESC LIMIT 1;

-- name: InProject :one
SELECT * FROM instances WHERE project_id = $1 AND id = $2;

-- name: BackupSummaries :many
-- What is kept of each instance of a project, those that are gone last.
SELECT i.id, i.name, i.service, i.phase, count(*) AS backups, max(b.finished_at)::timestamptz AS newest, sum(b.stored_bytes)::bigint AS stored_bytes
FROM backups b JOIN instances i ON i.id = b.instance_id
WHERE i.project_id = $1 AND b.state = 'completed'
GROUP BY i.id ORDER BY i.phase = 'Purged', i.name, i.id LIMIT 1000;
