package alert

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/alert/alertdb"
	"souk/internal/budget"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// BudgetName is the name, in messages, of the alert that a budget's thresholds are reached.
const BudgetName = "budget-reached"

// TellOfBudget tells an organization's channels that a budget's thresholds are reached, or
// that this is over. It is a warning: nobody is woken by it. The transaction is a system
// one.
func (s *Service) TellOfBudget(ctx context.Context, tx store.Tx, a budget.Alert, now time.Time) error {
	page := s.link("o", a.OrganizationName, "budgets", a.Budget)
	n := Notice{ID: a.ID.String(), Status: tellsFiring, Name: BudgetName, Title: "Budget " + a.Budget, Severity: servicepkg.Warning, Summary: a.Summary,
		Organization: a.OrganizationName, FiringSince: a.Since.UTC(), URL: page, RunbookURL: page}
	if a.Over {
		n.Status, n.ResolvedAt, n.Resolution = tellsResolved, &now, over
	}
	return s.tell(ctx, alertdb.New(tx), map[uuid.UUID][]Notice{a.Organization: {n}}, now)
}
