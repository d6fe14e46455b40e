-- name: Insert :exec
INSERT INTO audit_events (id, organization_id, project_id, at, actor, action, kind, object_id, object_name, request_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: List :many
-- Newest first; q is looked for, literally, in actor, action and names.
SELECT e.*, coalesce(p.name, '')::text AS project FROM audit_events e LEFT JOIN projects p ON p.id = e.project_id
WHERE e.organization_id = $1
	AND (sqlc.narg(before)::uuid IS NULL OR e.id < sqlc.narg(before))
	AND (sqlc.arg(action)::text = '' OR e.action = sqlc.arg(action))
	AND (sqlc.arg(kind)::text = '' OR e.kind = sqlc.arg(kind))
	AND (sqlc.arg(actor)::text = '' OR e.actor = sqlc.arg(actor))
	AND (sqlc.arg(object)::text = '' OR e.object_name = sqlc.arg(object) OR e.object_id = sqlc.arg(object))
	AND (sqlc.narg(from_at)::timestamptz IS NULL OR e.at >= sqlc.narg(from_at))
	AND (sqlc.narg(to_at)::timestamptz IS NULL OR e.at < sqlc.narg(to_at))
	AND (sqlc.arg(q)::text = '' OR strpos(lower(e.actor || ' ' || e.action || ' ' || e.object_name || ' ' || e.object_id), lower(sqlc.arg(q)::text)) > 0)
ORDER BY e.id DESC LIMIT $2;
