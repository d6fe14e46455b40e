package client

import (
	"context"

	"souk/api"
)

// Burns lists the instances that use their error budgets up too fast, and then those
// that did, newest first.
func (o *Operator) Burns(ctx context.Context) ([]api.Burn, error) {
	return listWhole[api.Burn](ctx, o.client, "operator", "burns")
}

// BurnRunbook says what to do about one of them.
func (o *Operator) BurnRunbook(ctx context.Context, id string) (api.Runbook, error) {
	var out api.Runbook
	err := o.client.get(ctx, nil, &out, "operator", "burns", id, "runbook")
	return out, err
}
