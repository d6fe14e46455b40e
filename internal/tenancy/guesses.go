package tenancy

import (
	"context"
	"time"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Failed log-ins are counted for an e-mail address as tried from one network
// address, for the network address, and for the e-mail address. None of them can
// be used to lock the owner of an account out:
//
//   - where the owner has logged in before, only their own failures there count;
//   - anywhere else, failures for the e-mail address count only when they are more
//     than one network address, or a few, can make in the time that they count.
//
// Sessions are not touched by any of it, and can log another device in.
const (
	failuresCount  = time.Hour // that long
	freePair       = 4
	freeAddress    = 20
	freeAccount    = 60 // one address can make 18 in that time
	longestDelay   = 15 * time.Minute
	longestAccount = time.Minute
)

// addressKnown is for how long an address is known where somebody logged in.
const addressKnown = 90 * 24 * time.Hour

// countTry counts a try to log in as failed, or refuses it because too many
// before it failed.
func (l *Logins) countTry(ctx context.Context, email, address string, now time.Time) error {
	return l.store.System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		if err := q.LockTries(ctx, tenancydb.LockTriesParams{Address: address, Email: email}); err != nil {
			return err
		}
		wait, err := waitToTry(ctx, q, email, address, now)
		if err != nil {
			return err
		}
		if wait > 0 {
			return problem.TooMany(max(wait, time.Second), "Too many log-ins failed. Wait %s and try again.", wait.Round(time.Second))
		}
		return q.InsertLoginFailure(ctx, tenancydb.InsertLoginFailureParams{Email: email, Address: address, At: now})
	})
}

// waitToTry is how long the next try has to wait.
func waitToTry(ctx context.Context, q *tenancydb.Queries, email, address string, now time.Time) (time.Duration, error) {
	n, err := q.LoginFailures(ctx, tenancydb.LoginFailuresParams{Address: address, Email: email, Since: now.Add(-failuresCount)})
	if err != nil {
		return 0, err
	}
	wait := n.PairLast.Add(delay(n.Pair, freePair)).Sub(now)
	known, err := q.AddressKnown(ctx, tenancydb.AddressKnownParams{Address: address, Email: email, Since: now.Add(-addressKnown)})
	if err != nil || known {
		return wait, err
	}
	all, err := q.AccountFailures(ctx, tenancydb.AccountFailuresParams{Email: email, Since: now.Add(-failuresCount)})
	return max(
		wait,
		n.AddressLast.Add(delay(n.Address, freeAddress)).Sub(now),
		all.Last.Add(min(longestAccount, delay(all.Failures, freeAccount))).Sub(now),
	), err
}

// delay is how long after the last of so many failures the next try may come:
// it doubles with each beyond those that are free.
func delay(failures, free int64) time.Duration {
	n := failures - free
	if n < 0 {
		return 0
	}
	if n >= 10 {
		return longestDelay
	}
	return min(longestDelay, time.Second<<n)
}

// SweepLoginFailures forgets failures that no longer count, at most limit of
// them, and returns how many those were.
func SweepLoginFailures(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepLoginFailures(ctx, tenancydb.SweepLoginFailuresParams{Before: now.Add(-failuresCount), Limit: int32(limit)})
}

// SweepKnownAddresses forgets addresses that are no longer known, at most limit
// of them, and returns how many those were.
func SweepKnownAddresses(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepKnownAddresses(ctx, tenancydb.SweepKnownAddressesParams{Before: now.Add(-addressKnown), Limit: int32(limit)})
}
