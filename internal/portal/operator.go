package portal

import (
	"net/http"
	"strings"

	"souk/internal/authz"
)

// operatorRoutes are the pages of the operator's staff.
func (p *Portal) operatorRoutes() []Route {
	return []Route{
		{"GET /operator", SignedIn, p.desk},
		{"GET /operator/instances", SignedIn, p.inventory},
		{"GET /operator/instances.csv", SignedIn, p.inventoryCSV},
		{"GET /operator/instances/{id}", SignedIn, p.inventoried},
		{"GET /operator/stuck", SignedIn, p.stuck},
		{"GET /operator/burning", SignedIn, p.burning},
		{"GET /operator/burning/{id}", SignedIn, p.burnRunbook},
		{"GET /operator/maintenance", SignedIn, p.restarts},
		{"POST /operator/maintenance", SignedIn, p.planRestarts},
		{"GET /operator/maintenance/planned", SignedIn, p.plannedRestarts},
		{"POST /operator/maintenance/withdraw", SignedIn, p.withdrawRestarts},
		{"GET /operator/zones", SignedIn, p.zones},
		{"GET /operator/zones/new", SignedIn, p.newZone},
		{"POST /operator/zones", SignedIn, p.makeZone},
		{"POST /operator/zones/{name}/revoke", SignedIn, p.revokeZone},
		{"GET /operator/maturity", SignedIn, p.readiness},
		{"POST /operator/maturity/{service}/waivers", SignedIn, p.waive},
		{"POST /operator/waivers/{waiver}/end", SignedIn, p.unwaive},
		{"GET /operator/organizations", SignedIn, p.customers},
		{"GET /operator/organizations/{name}", SignedIn, p.customer},
		{"POST /operator/organizations/{name}/quota", SignedIn, p.setQuota},
		{"POST /operator/organizations/{name}/view", SignedIn, p.startLooking},
		{"POST /operator/view/stop", SignedIn, p.stopLooking},
	}
}

// atDesk says whether the visited page is one of the operator's.
func (v *visit) atDesk() bool {
	return v.path == "/operator" || strings.HasPrefix(v.path, "/operator/")
}

// deskSections are the pages of the operator that the visitor's role sees.
func (v *visit) deskSections() []entry {
	var list []entry
	for _, s := range []struct {
		action      authz.Action
		title, path string
	}{
		{authz.OperatorInventory, v.T("operator.inventory"), "/operator/instances"},
		{authz.OperatorInventory, v.T("operator.stuck"), "/operator/stuck"},
		{authz.OperatorInventory, v.T("operator.burning"), "/operator/burning"},
		{authz.OperatorMaintenance, v.T("operator.maintenance"), "/operator/maintenance"},
		{authz.OperatorInventory, v.T("operator.zones"), "/operator/zones"},
		{authz.OperatorInventory, v.T("operator.maturity"), "/operator/maturity"},
		{authz.OperatorInventory, v.T("operator.organizations"), "/operator/organizations"},
		{authz.OperatorCustomers, v.T("billing.title"), "/operator/billing"},
	} {
		if v.mayOperate(s.action) {
			list = append(list, entry{s.title, s.path})
		}
	}
	return list
}

func (p *Portal) desk(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayOperate(authz.OperatorInventory) {
		return forbidden()
	}
	redirect(w, r, "/operator/instances")
	return nil
}
