-- name: LockGuesser :exec
-- Serializes the guesses of one subject, so that many at once do not escape the count.
SELECT pg_advisory_xact_lock(hashtextextended('guess ' || sqlc.arg(subject)::text, 0));

-- name: Guesses :one
SELECT count(*) AS wrong, coalesce(max(at), 'epoch')::timestamptz AS last FROM guesses WHERE subject = $1 AND at > sqlc.arg(since)::timestamptz;

-- name: InsertGuess :one
INSERT INTO guesses (subject, at) VALUES ($1, $2) RETURNING id;

-- name: DeleteGuess :exec
DELETE FROM guesses WHERE id = $1;

-- name: SweepGuesses :execrows
DELETE FROM guesses WHERE id IN (SELECT g.id FROM guesses g WHERE g.at < sqlc.arg(before)::timestamptz LIMIT $1);
