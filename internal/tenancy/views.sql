-- name: InsertView :exec
INSERT INTO operator_views (id, organization_id, operator_id, credential_id, actor, reason, started_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: ViewOf :one
-- The running view of that ID, if it is the credential's.
SELECT v.*, o.name AS organization FROM operator_views v JOIN organizations o ON o.id = v.organization_id
WHERE v.id = $1 AND v.credential_id = $2 AND v.ended_at IS NULL AND v.ends_at > sqlc.arg(now)::timestamptz;

-- name: RunningViews :many
-- Those of the credential, locked.
SELECT v.*, o.name AS organization FROM operator_views v JOIN organizations o ON o.id = v.organization_id
WHERE v.credential_id = $1 AND v.ended_at IS NULL ORDER BY v.id FOR UPDATE OF v;

-- name: RunningView :one
SELECT v.*, o.name AS organization FROM operator_views v JOIN organizations o ON o.id = v.organization_id
WHERE v.id = $1 AND v.ended_at IS NULL FOR UPDATE OF v;

-- name: ViewDue :one
-- One whose time is over, or whose session or token is.
SELECT v.*, o.name AS organization FROM operator_views v JOIN organizations o ON o.id = v.organization_id
WHERE v.ended_at IS NULL AND (v.ends_at <= sqlc.arg(now)::timestamptz OR NOT (
	EXISTS (SELECT FROM sessions s WHERE s.id = v.credential_id AND s.revoked_at IS NULL AND s.expires_at > sqlc.arg(now))
	OR EXISTS (SELECT FROM tokens t WHERE t.id = v.credential_id AND t.revoked_at IS NULL AND t.expires_at > sqlc.arg(now))))
ORDER BY v.ends_at LIMIT 1 FOR UPDATE OF v SKIP LOCKED;

-- name: EndView :exec
UPDATE operator_views SET ended_at = $2 WHERE id = $1;
