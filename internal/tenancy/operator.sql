-- name: FindOrganizations :many
-- For the operator's staff, with how many instances count against the quota of each.
SELECT o.*, (SELECT count(*) FROM instances i WHERE i.organization_id = o.id AND i.intent IN ('active', 'suspended')) AS instances
FROM organizations o
WHERE o.name > sqlc.arg(after)::text
	AND (sqlc.arg(text)::text = '' OR strpos(lower(o.name), lower(sqlc.arg(text))) > 0 OR strpos(lower(o.display_name), lower(sqlc.arg(text))) > 0)
	AND (sqlc.arg(kind)::text = '' OR sqlc.arg(kind) = ANY (o.kinds))
ORDER BY o.name LIMIT $1;

-- name: LockOperators :exec
-- One at a time makes the first operator.
SELECT pg_advisory_xact_lock(hashtext('souk operators'));
