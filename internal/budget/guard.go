package budget

import (
	"context"
	"time"

	"souk/api"
	"souk/internal/budget/budgetdb"
	"souk/internal/instance"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/store"
)

// Guard holds orders against the budgets that they count for, as they were found when they
// were looked at last.
type Guard struct{ Clock interface{ Now() time.Time } }

func covering(ctx context.Context, tx store.Tx, p instance.Place) ([]budgetdb.Budget, error) {
	return budgetdb.New(tx).Covering(ctx, budgetdb.CoveringParams{OrganizationID: p.Organization, Project: &p.Project})
}

// Refuse refuses where a budget that refuses is used up.
func (g Guard) Refuse(ctx context.Context, tx store.Tx, p instance.Place) error {
	all, err := covering(ctx, tx, p)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.Action == actionRefuse && used(b, g.Clock.Now()) {
			return problem.Conflict("budget-used-up", "The budget %q refuses this: %s %s of its %s %s are spent in %s. Owners, administrators and the billing role of the organization can raise it; what runs goes on.",
				b.Name, b.Currency, b.Spent, b.Currency, b.Amount, b.Period)
		}
	}
	return nil
}

// Effects says what spending more does to each budget. One that was not looked at this
// month is left out.
func (g Guard) Effects(ctx context.Context, tx store.Tx, p instance.Place, more money.Amount, currency string) ([]api.BudgetEffect, error) {
	all, err := covering(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	var out []api.BudgetEffect
	for _, b := range all {
		if b.Currency != currency || !known(b, g.Clock.Now()) {
			continue
		}
		of := func(a money.Amount) api.Money { return api.Money{Amount: a.String(), Currency: b.Currency} }
		after := b.Expected.Add(more)
		e := api.BudgetEffect{Name: b.Name, Amount: of(b.Amount), Spent: of(b.Spent), Forecast: of(b.Expected), After: of(after), Over: after.Cmp(b.Amount) > 0,
			Refuses: b.Action == actionRefuse && used(b, g.Clock.Now()) && more.Cmp(money.Amount{}) > 0}
		if b.ProjectID != nil {
			e.Project = p.ProjectName
		}
		out = append(out, e)
	}
	return out, nil
}
