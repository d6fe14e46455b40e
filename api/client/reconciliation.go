package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Reconciliations returns what the books came to lately when they were held against each
// other, and how the closing of months went.
func (o *Operator) Reconciliations(ctx context.Context) (api.Reconciliations, error) {
	var out api.Reconciliations
	err := o.client.get(ctx, nil, &out, "operator", "reconciliations")
	return out, err
}

// Reconcile holds the books against each other now.
func (o *Operator) Reconcile(ctx context.Context) (api.Reconciliation, error) {
	var out api.Reconciliation
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "reconciliations"}, out: &out, changes: true, slow: true})
	return out, err
}
