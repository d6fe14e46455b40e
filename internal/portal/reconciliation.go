package portal

import (
	"net/http"

	"souk/internal/authz"
)

// reconciliationRoutes are the pages that say whether the books agree.
func (p *Portal) reconciliationRoutes() []Route {
	return []Route{
		{"GET /operator/billing/reconciliation", SignedIn, p.reconciliation},
		{"POST /operator/billing/reconciliation", SignedIn, p.reconcile},
	}
}

func (p *Portal) reconciliation(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := v.client.Operator().Reconciliations(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, reconciliationPage(v, all))
}

func (p *Portal) reconcile(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.client.Operator().Reconcile(r.Context()); err != nil {
		return err
	}
	redirect(w, r, done("reconciled", "operator", "billing", "reconciliation"))
	return nil
}

// mayReconcile says whether the visitor may have the books held against each other now.
func (v *visit) mayReconcile() bool { return v.mayOperate(authz.OperatorBilling) }
