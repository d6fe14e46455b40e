-- name: InsertDevice :execrows
-- No row where the user code is another device's at the moment.
INSERT INTO device_logins (id, device_hash, user_hash, client, address, created_at, expires_at, interval_seconds) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (user_hash) DO NOTHING;

-- name: DeviceByCode :one
-- With whether the approval still holds: it ends with the session that gave it.
SELECT d.id, d.client, d.expires_at, d.interval_seconds, d.asked_at, d.decided_at, d.session_id,
	a.id AS account_id, coalesce(a.email, '')::text AS email,
	coalesce(s.revoked_at IS NULL AND s.expires_at > sqlc.arg(now)::timestamptz AND a.disabled_at IS NULL, false)::boolean AS approved
FROM device_logins d LEFT JOIN sessions s ON s.id = d.session_id LEFT JOIN accounts a ON a.id = s.account_id
WHERE d.device_hash = $1 FOR UPDATE OF d;

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
