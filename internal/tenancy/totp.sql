-- name: BeginTOTP :execrows
-- No row where one is in force.
INSERT INTO totp (account_id, sealed, begun_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, begun_at = excluded.begun_at WHERE totp.confirmed_at IS NULL;

-- name: LockTOTP :one
-- Serializes the uses of codes, so that none is taken twice.
SELECT sealed, confirmed_at, last_step FROM totp WHERE account_id = $1 FOR UPDATE;

-- name: TOTPStatus :one
SELECT (t.confirmed_at IS NOT NULL)::boolean AS enabled, (SELECT count(*) FROM recovery_codes r WHERE r.account_id = t.account_id AND r.used_at IS NULL) AS recovery_codes_left
FROM totp t WHERE t.account_id = $1;

-- name: ConfirmTOTP :exec
UPDATE totp SET confirmed_at = $2 WHERE account_id = $1;

-- name: UseTOTPStep :exec
UPDATE totp SET last_step = $2 WHERE account_id = $1;

-- name: DeleteTOTP :exec
-- With its recovery codes.
DELETE FROM totp WHERE account_id = $1;

-- name: InsertRecoveryCode :exec
INSERT INTO recovery_codes (account_id, code_hash) VALUES ($1, $2);

-- name: DeleteRecoveryCodes :exec
DELETE FROM recovery_codes WHERE account_id = $1;

-- name: UseRecoveryCode :execrows
UPDATE recovery_codes SET used_at = $3 WHERE account_id = $1 AND code_hash = $2 AND used_at IS NULL;

-- name: PasswordOf :one
SELECT password_hash FROM accounts WHERE id = $1;

-- name: LockPassword :one
-- Keeps the password as it was when it was checked until the transaction has ended.
SELECT id FROM accounts WHERE id = $1 AND password_hash = $2 AND disabled_at IS NULL FOR SHARE;
