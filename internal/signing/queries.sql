-- name: Serialize :exec
-- Has those that would make a key go one after another.
SELECT pg_advisory_xact_lock(hashtextextended('souk/signing_keys', 0));

-- name: InsertKey :exec
INSERT INTO signing_keys (id, public_key, sealed, created_at) VALUES ($1, $2, $3, $4);

-- name: NewestKey :one
SELECT * FROM signing_keys ORDER BY created_at DESC, id LIMIT 1;

-- name: PublicKeys :many
SELECT id, public_key, created_at FROM signing_keys ORDER BY created_at, id;
