package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Budgets lists the organization's budgets, by name.
func (o *Organization) Budgets(ctx context.Context) ([]api.Budget, error) {
	return listWhole[api.Budget](ctx, o.client, o.path("budgets")...)
}

// Budget returns a budget.
func (o *Organization) Budget(ctx context.Context, name string) (api.Budget, error) {
	var out api.Budget
	err := o.client.get(ctx, nil, &out, o.path("budgets", name)...)
	return out, err
}

// CreateBudget makes a budget.
func (o *Organization) CreateBudget(ctx context.Context, in api.BudgetCreate) (api.Budget, error) {
	var out api.Budget
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("budgets"), body: in, out: &out, changes: true})
	return out, err
}

// PutBudget changes a budget.
func (o *Organization) PutBudget(ctx context.Context, name string, spec api.BudgetSpec) (api.Budget, error) {
	var out api.Budget
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path("budgets", name), body: spec, out: &out, changes: true})
	return out, err
}

// DeleteBudget deletes a budget.
func (o *Organization) DeleteBudget(ctx context.Context, name string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("budgets", name), changes: true})
}
