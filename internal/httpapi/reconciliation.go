package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
	"souk/internal/reconcile"
	"souk/internal/store"
)

// mostReconciliations is how many are listed: those of two days, and some that were
// asked for.
const mostReconciliations = 50

func (s *Server) registerReconciliation() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/reconciliations", ID: "operator-reconciliations", Tag: "operator", Action: authz.OperatorSegmentAudit,
		Summary: "What the books came to when they were held against each other", Description: "It is done every hour. With it goes how many months were closed without anybody's hands."},
		func(ctx context.Context, _ *struct{}) (*body[api.Reconciliations], error) {
			out := &body[api.Reconciliations]{}
			err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
				out.Body, err = reconcile.List(ctx, tx, mostReconciliations)
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/reconciliations", ID: "operator-reconcile", Tag: "operator", Action: authz.OperatorBilling, Status: http.StatusCreated,
		Summary: "Hold the books against each other now", Description: "Chains, what was rated of them, invoices and the ledger. With many instances it takes a while."}, s.reconcile)
}

func (s *Server) reconcile(ctx context.Context, _ *struct{}) (*body[api.Reconciliation], error) {
	looked, err := reconcile.Look(ctx, s.Store, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	out := &body[api.Reconciliation]{}
	err = s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if out.Body, err = s.Books.Keep(ctx, tx, looked, nil, p.Now); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, audit.Event{Action: "billing.reconcile", Kind: "reconciliation", ObjectID: out.Body.ID, Details: map[string]any{"differences": out.Body.Differences}})
	}, func(store.Tx, Place, string) error {
		return problem.Conflict("done", "This was carried out already. See what it came to in the list of reconciliations.")
	})
	return out, err
}
