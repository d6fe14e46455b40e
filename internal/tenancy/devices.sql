-- name: InsertDevice :execrows
-- No row where the user code is another device's at the moment.
INSERT INTO device_logins (id, device_hash, user_hash, client, address, created_at, expires_at, interval_seconds) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (user_hash) DO NOTHING;

-- name: DeviceByCode :one
SELECT id, client, expires_at, interval_seconds, asked_at, decided_at, session_id FROM device_logins WHERE device_hash = $1 FOR UPDATE;

-- name: Approver :one
-- Whose session approved a device, while it lasts; neither it nor the account
-- changes until the transaction has ended.
SELECT a.id, a.email FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > sqlc.arg(now)::timestamptz AND a.disabled_at IS NULL FOR SHARE OF s, a;

-- name: DeviceAsked :exec
UPDATE device_logins SET asked_at = $2, interval_seconds = $3 WHERE id = $1;

-- name: DeleteDevice :exec
DELETE FROM device_logins WHERE id = $1;

-- name: WaitingDevice :one
-- One that nobody has decided about yet.
SELECT id, client, address, created_at, expires_at FROM device_logins
WHERE user_hash = $1 AND decided_at IS NULL AND expires_at > sqlc.arg(now)::timestamptz;

-- name: DecideDevice :one
UPDATE device_logins SET decided_at = sqlc.arg(now)::timestamptz, session_id = $2
WHERE user_hash = $1 AND decided_at IS NULL AND expires_at > sqlc.arg(now)::timestamptz RETURNING id, client, address;

-- name: SweepDevices :execrows
DELETE FROM device_logins WHERE id IN (SELECT d.id FROM device_logins d WHERE d.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);
