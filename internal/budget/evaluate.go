package budget

import (
	"context"
	"time"

	"souk/internal/billing"
	"souk/internal/budget/budgetdb"
	"souk/internal/money"
	"souk/internal/store"
)

// every is how often a budget is looked at.
const every = 5 * time.Minute

// again is when people are told who had too many mails within the hour.
const again = 15 * time.Minute

// finding is what a budget's month has come to.
type finding struct {
	month           billing.Month
	spent, expected money.Amount
}

// LookDue looks at one budget whose time has come, and says whether there was one. What
// it costs is read first, and written down in a short transaction of its own: together
// with what people are told.
func (s *Service) LookDue(ctx context.Context, st *store.Store) (bool, error) {
	var due []budgetdb.DueRow
	var f finding
	now := s.Clock.Now()
	err := st.System(ctx, func(tx store.Tx) (err error) {
		if due, err = budgetdb.New(tx).Due(ctx, now); err != nil || len(due) == 0 {
			return err
		}
		f, err = s.spending(ctx, tx, due[0], now)
		return err
	})
	if err != nil || len(due) == 0 {
		return false, err
	}
	err = st.System(ctx, func(tx store.Tx) error { return s.Look(ctx, tx, due[0], f, now) })
	return true, id(due[0].ID, err)
}

// Look writes down what a budget has come to, and tells people of the thresholds that are
// reached. One that was changed meanwhile is looked at again.
func (s *Service) Look(ctx context.Context, tx store.Tx, b budgetdb.DueRow, f finding, now time.Time) error {
	q := budgetdb.New(tx)
	next := now.Add(every)
	if f.month.To.Before(next) {
		next = f.month.To
	}
	room := true
	if s.Mail != nil && !s.Mail.Closed {
		var err error
		if room, err = s.room(ctx, tx, b, now); err != nil {
			return err
		}
	}
	if !room {
		next = now.Add(again)
	}
	n, err := q.Found(ctx, budgetdb.FoundParams{ID: b.ID, UpdatedAt: b.UpdatedAt, Period: f.month.String(), PeriodTo: &f.month.To, Spent: f.spent, Expected: f.expected,
		LookedAt: &now, LookAt: next, Due: b.LookAt})
	if err != nil || n == 0 || !room {
		return err
	}
	return s.tell(ctx, tx, b, f, now)
}
