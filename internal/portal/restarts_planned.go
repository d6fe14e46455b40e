package portal

import (
	"crypto/rand"
	"net/http"
	"net/url"

	"souk/api"
	"souk/internal/authz"
)

// plannedView is a page of restarts in all zones.
type plannedView struct {
	listing
	all    bool // those that have ended, too
	items  []api.OperatorMaintenance
	reason string
	chosen []string // IDs that are to be taken back
	did    *api.MaintenanceWithdrawn
	key    string // sent twice, the form withdraws once
	wrong  *formErrors
}

// mayWithdraw says whether there is anything that the visitor may take back.
func (s plannedView) mayWithdraw(v *visit) bool {
	for _, m := range s.items {
		if m.Withdrawable {
			return v.mayOperate(authz.OperatorMaintenance)
		}
	}
	return false
}

func newPlannedView(r *http.Request, v *visit) (plannedView, error) {
	s := plannedView{listing: listing{query: v.query}, all: v.query.Get("all") != "", key: rand.Text()}
	query := url.Values{}
	if s.all {
		query.Set("all", "true")
	}
	page, err := v.client.Operator().RestartsPage(r.Context(), query, pageOfInstances, v.query.Get("cursor"))
	s.items, s.next = page.Items, page.Next
	return s, err
}

// plannedRestarts lists what is planned, whoever planned it.
func (p *Portal) plannedRestarts(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := newPlannedView(r, v)
	if err != nil {
		return err
	}
	return show(w, r, v, plannedPage(v, s))
}

// withdrawRestarts takes back what was chosen, and answers with the list as it then is.
func (p *Portal) withdrawRestarts(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, key := repeatable(r)
	want := api.MaintenanceWithdrawal{IDs: r.PostForm["id"], Reason: r.PostForm.Get("reason")}
	var did *api.MaintenanceWithdrawn
	var wrong *formErrors
	if len(want.IDs) == 0 {
		wrong = mistake("ids", v.T("restarts.none-chosen"))
	} else if out, err := v.client.Operator().WithdrawMaintenance(ctx, want); err == nil {
		did = &out
	} else if wrong, err = formProblem(err); err != nil {
		return err
	}
	s, err := newPlannedView(r, v)
	if err != nil {
		return err
	}
	s.did, s.wrong = did, wrong
	if !wrong.any() {
		return show(w, r, v, plannedPage(v, s))
	}
	s.chosen, s.reason, s.key = want.IDs, want.Reason, key
	return refuse(w, r, v, plannedPage(v, s))
}
