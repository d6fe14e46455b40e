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

-- name: LockTries :exec
-- Serializes the log-ins from one address, and then those to one account, so that
-- many at once do not escape the counts.
SELECT pg_advisory_xact_lock(hashtextextended('login ' || sqlc.arg(address)::text, 0)), pg_advisory_xact_lock(hashtextextended('login to ' || lower(sqlc.arg(email)::text), 0));

-- name: AccountFailures :one
-- How often log-ins to one account failed lately, wherever they were tried.
SELECT count(*) AS failures, coalesce(max(at), 'epoch')::timestamptz AS last FROM login_failures
WHERE lower(email) = lower(sqlc.arg(email)::text) AND at > sqlc.arg(since)::timestamptz;

-- name: AddressKnown :one
-- Whether somebody has logged in to the account from the address.
SELECT EXISTS (
	SELECT FROM known_addresses k JOIN accounts a ON a.id = k.account_id
	WHERE lower(a.email) = lower(sqlc.arg(email)::text) AND k.address = $1 AND k.last_login_at > sqlc.arg(since)::timestamptz
);

-- name: RememberAddress :exec
INSERT INTO known_addresses (account_id, address, last_login_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id, address) DO UPDATE SET last_login_at = greatest(known_addresses.last_login_at, excluded.last_login_at);

-- name: SweepKnownAddresses :execrows
DELETE FROM known_addresses k USING (SELECT o.account_id, o.address FROM known_addresses o WHERE o.last_login_at < sqlc.arg(before)::timestamptz LIMIT $1) old
WHERE k.account_id = old.account_id AND k.address = old.address;
