-- name: TryLock :one
SELECT pg_try_advisory_xact_lock(hashtextextended(sqlc.arg(scope)::text, 0));

-- name: Find :one
SELECT body_hash, resource FROM idempotency_keys WHERE principal = $1 AND route = $2 AND key = $3 AND created_at > sqlc.arg(since)::timestamptz;

-- name: Forget :exec
DELETE FROM idempotency_keys WHERE principal = $1 AND route = $2 AND key = $3;

-- name: Remember :exec
INSERT INTO idempotency_keys (principal, route, key, body_hash, status, resource, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: Sweep :execrows
DELETE FROM idempotency_keys k WHERE (k.principal, k.route, k.key) IN (
	SELECT o.principal, o.route, o.key FROM idempotency_keys o WHERE o.created_at < sqlc.arg(before)::timestamptz LIMIT $1);
