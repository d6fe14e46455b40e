-- name: CountMails :one
SELECT count_mails(sqlc.arg(recipient)::text, sqlc.arg(topic)::text, sqlc.arg(since)::timestamptz)::bigint;

-- name: InsertMail :exec
INSERT INTO mails (id, recipient, topic, sealed, created_at, expires_at, next_at) VALUES ($1, $2, $3, $4, $5, $6, $5);

-- name: InsertPretended :exec
-- One of which there is nothing to send.
INSERT INTO mails (id, recipient, topic, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: ClaimMail :one
-- Takes one that is due, and puts its next try off, so that no other replica
-- takes it meanwhile and a killed one's is taken up again.
UPDATE mails SET attempts = attempts + 1, next_at = sqlc.arg(until)::timestamptz
WHERE id = (SELECT m.id FROM mails m WHERE m.next_at <= sqlc.arg(now)::timestamptz ORDER BY m.next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, recipient, sealed, created_at, expires_at, attempts;

-- name: MailSent :exec
UPDATE mails SET sent_at = sqlc.arg(at)::timestamptz, next_at = NULL, sealed = NULL, last_error = '' WHERE id = $1;

-- name: RetryMail :exec
UPDATE mails SET next_at = sqlc.arg(next_at)::timestamptz, last_error = $2 WHERE id = $1;

-- name: GiveUpMail :exec
UPDATE mails SET next_at = NULL, sealed = NULL, last_error = $2 WHERE id = $1;

-- name: SweepMails :execrows
DELETE FROM mails WHERE id IN (SELECT m.id FROM mails m WHERE m.created_at < sqlc.arg(before)::timestamptz AND m.next_at IS NULL LIMIT $1);

-- name: InsertCaught :exec
INSERT INTO caught_mails (id, recipient, subject, text, html, at, attachments) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING;

-- name: Caught :many
SELECT * FROM caught_mails WHERE (sqlc.narg(before)::uuid IS NULL OR id < sqlc.narg(before)) ORDER BY id DESC LIMIT $1;
