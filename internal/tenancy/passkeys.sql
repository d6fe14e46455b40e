-- name: PasskeysOf :many
SELECT id, name, site, created_at, last_used_at, credential FROM passkeys WHERE account_id = $1 ORDER BY created_at, id;

-- name: PutPasskeyChallenge :exec
INSERT INTO passkey_challenges (account_id, challenge, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET challenge = excluded.challenge, expires_at = excluded.expires_at;

-- name: TakePasskeyChallenge :one
DELETE FROM passkey_challenges WHERE account_id = $1 RETURNING challenge, expires_at;

-- name: InsertPasskey :execrows
INSERT INTO passkeys (id, account_id, credential_id, credential, site, name, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING;

-- name: UsePasskey :exec
UPDATE passkeys SET credential = $3, last_used_at = $4 WHERE account_id = $1 AND credential_id = $2;

-- name: DeletePasskey :one
DELETE FROM passkeys WHERE id = $1 AND account_id = $2 RETURNING name;

-- name: PutLoginChallenge :exec
UPDATE half_logins SET challenge = $2 WHERE id = $1;
