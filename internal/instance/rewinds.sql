-- name: InsertRewind :exec
INSERT INTO rewinds (id, organization_id, instance_id, number, backup_id, target, safety_id, state, actor, created_at)
SELECT $1, $2, $3, coalesce(max(r.number), 0) + 1, $4, sqlc.narg(target)::timestamptz, $5, 'backing-up', $6, $7 FROM rewinds r WHERE r.instance_id = $3;

-- name: Rewinds :many
-- Those of an instance, newest first.
SELECT * FROM rewinds WHERE instance_id = $1 ORDER BY number DESC LIMIT 100;

-- name: Rewind :one
SELECT * FROM rewinds WHERE instance_id = $1 AND id = $2;

-- name: OpenRewind :one
SELECT * FROM rewinds WHERE instance_id = $1 AND state IN ('backing-up', 'restoring');

-- name: BeginRewind :exec
UPDATE rewinds SET state = 'restoring' WHERE id = $1;

-- name: EndRewind :exec
UPDATE rewinds SET state = $2, message = $3, finished_at = $4, finished_real = $5 WHERE id = $1;

-- name: RewoundBefore :one
-- When the data was last replaced before a point in time, in real time.
SELECT max(finished_real)::timestamptz AS at FROM rewinds WHERE instance_id = $1 AND state = 'completed' AND finished_real <= sqlc.arg(before)::timestamptz
HAVING count(*) > 0;
