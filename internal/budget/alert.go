package budget

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/budget/budgetdb"
	"souk/internal/store"
)

// Alert is that a budget's thresholds are reached, or that this is over: the month has
// ended, the budget was raised above them, or deleted.
type Alert struct {
	ID               uuid.UUID // the same while it lasts, and when it is over
	Organization     uuid.UUID
	OrganizationName string
	Budget           string
	Summary          string
	Since            time.Time
	Over             bool
}

// alert tells the organization's alert channels of thresholds that are reached for the
// first time, and that a budget which was raised is within all of them again.
func (s *Service) alert(ctx context.Context, tx store.Tx, b budgetdb.DueRow, f finding, news []notice, now time.Time) error {
	if s.Tell == nil {
		return nil
	}
	q := budgetdb.New(tx)
	within := len(reached(b.Actual, f.spent, b.Amount))+len(reached(b.Forecast, f.expected, b.Amount)) == 0
	open, err := q.OpenAlert(ctx, b.ID)
	if err != nil {
		return err
	}
	for _, a := range open {
		if a.Period != f.month.String() || within {
			if err := s.over(ctx, tx, a, b.Organization, now); err != nil {
				return err
			}
			open = nil
		}
	}
	if len(news) == 0 {
		return nil
	}
	a := budgetdb.BudgetAlert{ID: store.NewID(), OrganizationID: b.OrganizationID, BudgetID: b.ID, Budget: b.Name, Period: f.month.String(), PeriodTo: f.month.To, Since: now}
	if len(open) > 0 {
		a = open[0]
	}
	said := make([]string, len(news))
	for i, n := range news {
		said[i] = n.line(b, "en")
	}
	a.Summary = strings.Join(said, " ")
	if err := q.PutAlert(ctx, budgetdb.PutAlertParams(a)); err != nil {
		return err
	}
	return s.Tell(ctx, tx, told(a, b.Organization, false), now)
}

func (s *Service) over(ctx context.Context, tx store.Tx, a budgetdb.BudgetAlert, organization string, now time.Time) error {
	n, err := budgetdb.New(tx).DeleteAlert(ctx, a.ID)
	if err != nil || n == 0 {
		return err
	}
	return s.Tell(ctx, tx, told(a, organization, true), now)
}

func told(a budgetdb.BudgetAlert, organization string, over bool) Alert {
	return Alert{ID: a.ID, Organization: a.OrganizationID, OrganizationName: organization, Budget: a.Budget, Summary: a.Summary, Since: a.Since, Over: over}
}

// EndAlertDue tells the channels of one alert that is over, as its month or its budget is
// gone, and says whether there was one.
func (s *Service) EndAlertDue(ctx context.Context, st *store.Store) (done bool, err error) {
	if s.Tell == nil {
		return false, nil
	}
	err = st.System(ctx, func(tx store.Tx) error {
		now := s.Clock.Now()
		due, err := budgetdb.New(tx).AlertsOver(ctx, now)
		if done = len(due) > 0; err != nil || !done {
			return err
		}
		return s.over(ctx, tx, due[0].BudgetAlert, due[0].Organization, now)
	})
	return done, err
}
