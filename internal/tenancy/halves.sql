-- name: InsertHalfLogin :exec
INSERT INTO half_logins (id, ticket_hash, account_id, expires_at) VALUES ($1, $2, $3, $4);

-- name: HalfLogin :one
-- Whose log-in waits. souk_system only.
SELECT h.id, h.account_id, a.email FROM half_logins h JOIN accounts a ON a.id = h.account_id
WHERE h.ticket_hash = $1 AND h.expires_at > sqlc.arg(now)::timestamptz AND a.disabled_at IS NULL;

-- name: LockAccount :one
-- Keeps the account as it is until the transaction has ended.
SELECT id, email FROM accounts WHERE id = $1 AND disabled_at IS NULL FOR SHARE;

-- name: TakeHalfLogin :one
DELETE FROM half_logins WHERE id = $1 RETURNING challenge;

-- name: DeleteHalfLogins :exec
DELETE FROM half_logins WHERE account_id = $1;

-- name: SweepHalfLogins :execrows
DELETE FROM half_logins WHERE id IN (SELECT h.id FROM half_logins h WHERE h.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);
