package tenancy

import (
	"context"
	"time"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// Failed log-ins are counted for an e-mail address as tried from one network
// address, and for the network address alone; never for the e-mail address
// alone, with which anybody could lock its owner out.
const (
	failuresCount = time.Hour // that long
	freePair      = 4
	freeAddress   = 20
	longestDelay  = 15 * time.Minute
)

// countTry counts a try to log in as failed, or refuses it because too many
// before it failed.
func (l *Logins) countTry(ctx context.Context, email, address string, now time.Time) error {
	return l.store.System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		if err := q.LockAddress(ctx, address); err != nil {
			return err
		}
		n, err := q.LoginFailures(ctx, tenancydb.LoginFailuresParams{Address: address, Email: email, Since: now.Add(-failuresCount)})
		if err != nil {
			return err
		}
		wait := max(
			n.PairLast.Add(delay(n.Pair, freePair)).Sub(now),
			n.AddressLast.Add(delay(n.Address, freeAddress)).Sub(now),
		)
		if wait > 0 {
			return problem.TooMany(max(wait, time.Second), "Too many log-ins failed. Wait %s and try again.", wait.Round(time.Second))
		}
		return q.InsertLoginFailure(ctx, tenancydb.InsertLoginFailureParams{Email: email, Address: address, At: now})
	})
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
