package tenancy

import (
	"context"
	"time"

	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy/tenancydb"
)

// freeGuesses is how many wrong guesses cost no wait.
const freeGuesses = 5

// Guess runs try, which finds out whether somebody guessed right, unless the
// subject has guessed wrong too often lately. The subject says who guesses what:
// people are slowed down each by themselves. A guess counts as wrong until try
// has succeeded, so that many at once gain nothing.
func Guess(ctx context.Context, s *store.Store, subject string, now time.Time, try func() error) error {
	id, err := countGuess(ctx, s, subject, now)
	if err != nil {
		return err
	}
	if err := try(); err != nil {
		return err
	}
	return tenancydb.New(s.SystemPool()).DeleteGuess(ctx, id)
}

func countGuess(ctx context.Context, s *store.Store, subject string, now time.Time) (id int64, err error) {
	err = s.System(ctx, func(tx store.Tx) error {
		q := tenancydb.New(tx)
		if err := q.LockGuesser(ctx, subject); err != nil {
			return err
		}
		before, err := q.Guesses(ctx, tenancydb.GuessesParams{Subject: subject, Since: now.Add(-failuresCount)})
		if err != nil {
			return err
		}
		if wait := before.Last.Add(delay(before.Wrong, freeGuesses)).Sub(now); wait > 0 {
			return problem.TooMany(max(wait, time.Second), "Too many wrong tries. Wait %s and try again.", wait.Round(time.Second))
		}
		id, err = q.InsertGuess(ctx, tenancydb.InsertGuessParams{Subject: subject, At: now})
		return err
	})
	return id, err
}

// SweepGuesses forgets guesses that no longer count, at most limit of them, and
// returns how many those were.
func SweepGuesses(ctx context.Context, tx store.Tx, now time.Time, limit int) (int64, error) {
	return tenancydb.New(tx).SweepGuesses(ctx, tenancydb.SweepGuessesParams{Before: now.Add(-failuresCount), Limit: int32(limit)})
}
