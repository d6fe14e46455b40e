package instance

import (
	"context"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/money"
	"souk/internal/store"
)

// Budgets knows what organizations mean to spend.
type Budgets interface {
	// Refuse refuses what costs more than before, where a budget that refuses is used up.
	Refuse(ctx context.Context, tx store.Tx, p Place) error
	// Effects says what spending more, from now until the month's end, does to each budget
	// that counts the place's project.
	Effects(ctx context.Context, tx store.Tx, p Place, more money.Amount, currency string) ([]api.BudgetEffect, error)
}

// Standing knows how organizations stand with the operator.
type Standing interface {
	// RefuseOrder refuses new orders of an organization that is suspended.
	RefuseOrder(ctx context.Context, tx store.Tx, organization uuid.UUID) error
}

// welcome refuses an order of an organization that is suspended.
func (s *Service) welcome(ctx context.Context, tx store.Tx, p Place) error {
	if s.Standing == nil {
		return nil
	}
	return s.Standing.RefuseOrder(ctx, tx, p.Organization)
}

// affordable refuses an order that a budget refuses.
func (s *Service) affordable(ctx context.Context, tx store.Tx, p Place) error {
	if s.Budgets == nil {
		return nil
	}
	return s.Budgets.Refuse(ctx, tx, p)
}

// affordableChange refuses a change that makes the instance dearer, where a budget does.
func (s *Service) affordableChange(ctx context.Context, tx store.Tx, p Place, v View, want proposal) error {
	if s.Budgets == nil {
		return nil
	}
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return err
	}
	now, err := s.currentPrices(ctx, tx, v)
	if err != nil {
		return err
	}
	if billing.QuoteFor(want.storage, want.prices, m).Month.Cmp(billing.QuoteFor(v.StorageGib, now, m).Month) <= 0 {
		return nil
	}
	return s.Budgets.Refuse(ctx, tx, p)
}

// effects says what a cost that is so much higher in a whole month does to budgets.
func (s *Service) effects(ctx context.Context, tx store.Tx, p Place, month billing.Month, more money.Amount, currency string) ([]api.BudgetEffect, error) {
	if s.Budgets == nil {
		return nil, nil
	}
	left, whole := month.To.Sub(s.Clock.Now()), month.To.Sub(month.From)
	return s.Budgets.Effects(ctx, tx, p, money.Prorate(more, left.Microseconds(), whole.Microseconds(), money.Digits(currency)), currency)
}
