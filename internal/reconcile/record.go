package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/reconcile/reconciledb"
	"souk/internal/store"
)

// Alert tells the operator that the books differ, or do not any more. The same alert has
// the same ID and since.
type Alert struct {
	ID      uuid.UUID
	Since   time.Time
	Over    bool
	Summary string
}

// Service reconciles when it is due.
type Service struct {
	Clock clock.Clock
	// Tell tells the operator of an alert, in the transaction that recorded it.
	Tell func(ctx context.Context, tx store.Tx, a Alert, now time.Time) error
	// Close closes what is due, before the books of an hour are looked at: after a while
	// without a control plane no month is forgotten, but late. What it cannot do is found
	// by the look.
	Close func(ctx context.Context) error
}

// MakeDue reconciles for the hour that has begun, unless that was done, and says whether
// it did. Of several control planes that do so at once, one keeps what it found.
func (s *Service) MakeDue(ctx context.Context, st *store.Store) (bool, error) {
	now := s.Clock.Now().UTC()
	hour := now.Truncate(time.Hour)
	done := false
	err := st.System(ctx, func(tx store.Tx) (err error) {
		done, err = reconciledb.New(tx).Has(ctx, hour)
		return err
	})
	if err != nil || done {
		return false, err
	}
	if s.Close != nil {
		_ = s.Close(ctx)
	}
	looked, err := Look(ctx, st, now)
	if err != nil {
		return false, err
	}
	return true, st.System(ctx, func(tx store.Tx) error {
		_, err := s.Keep(ctx, tx, looked, &hour, now)
		return err
	})
}

// Keep records what was found, and tells the operator where that is news: differences
// where there were none, or none any more. hour is nil where somebody asked for it. The
// transaction is a system one.
func (s *Service) Keep(ctx context.Context, tx store.Tx, looked []api.ReconciliationCheck, hour *time.Time, now time.Time) (api.Reconciliation, error) {
	q := reconciledb.New(tx)
	before, err := q.Newest(ctx, 1)
	if err != nil {
		return api.Reconciliation{}, err
	}
	is := reconciledb.Reconciliation{ID: store.NewID(), Hour: hour, RecordedAt: now}
	for _, c := range looked {
		is.Differences += c.Differs
	}
	if is.Checks, err = json.Marshal(looked); err != nil {
		return api.Reconciliation{}, err
	}
	told := Alert{ID: is.ID, Since: now, Summary: summary(looked)}
	differed := len(before) > 0 && before[0].Alert != nil
	if differed {
		told.ID = *before[0].Alert
	}
	if is.Differences > 0 {
		is.Alert = &told.ID
	}
	n, err := q.Insert(ctx, reconciledb.InsertParams{ID: is.ID, Hour: is.Hour, RecordedAt: is.RecordedAt, Checks: is.Checks, Differences: is.Differences, Alert: is.Alert})
	if err != nil {
		return api.Reconciliation{}, err
	}
	if told.Over = is.Differences == 0; n > 0 && told.Over == differed && s.Tell != nil {
		if differed {
			if told.Since, err = q.RecordedAt(ctx, told.ID); err != nil {
				return api.Reconciliation{}, err
			}
		}
		if err := s.Tell(ctx, tx, told, now); err != nil {
			return api.Reconciliation{}, err
		}
	}
	return view(is)
}

// summary says in one line what differs.
func summary(looked []api.ReconciliationCheck) string {
	text, n := "", int64(0)
	for _, c := range looked {
		if n += c.Differs; text == "" && c.Differs > 0 {
			text = c.Problems[0]
		}
	}
	switch n {
	case 0:
		return "The books agree again."
	case 1:
		return "The books differ: " + text + "."
	}
	return fmt.Sprintf("The books differ in %d places, the first: %s.", n, text)
}

func view(r reconciledb.Reconciliation) (api.Reconciliation, error) {
	out := api.Reconciliation{ID: r.ID.String(), At: r.RecordedAt.UTC(), Hourly: r.Hour != nil, Differences: r.Differences}
	return out, json.Unmarshal(r.Checks, &out.Checks)
}

// List returns the newest reconciliations, and how the closing of the last months went.
func List(ctx context.Context, tx store.Tx, most int) (api.Reconciliations, error) {
	q := reconciledb.New(tx)
	out := api.Reconciliations{Items: []api.Reconciliation{}, Automation: []api.BillingAutomation{}}
	rows, err := q.Newest(ctx, int32(most))
	if err != nil {
		return out, err
	}
	for _, r := range rows {
		one, err := view(r)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, one)
	}
	months, err := q.Automation(ctx)
	for _, m := range months {
		hundredths := m.Alone * 10_000 / m.Runs
		out.Automation = append(out.Automation, api.BillingAutomation{Month: m.Month, Runs: m.Runs, Alone: m.Alone, Held: m.Held, Failed: m.Failed, Success: fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)})
	}
	return out, err
}
