package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// planned counts the maintenances that there are.
func (s *site) planned(t testing.TB) (n int) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM maintenances").Scan(&n)
	})
	return n
}

// The operator sees whom a restart affects before it is planned; what is sent twice is
// planned once.
func TestPlanningRestarts(t *testing.T) {
	s := newSite(t)
	one := s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	two := s.Ready(t, httpapitest.Other, httpapitest.OtherProject)
	waiting := s.Order(t, httpapitest.Own, httpapitest.OwnProject, fresh())
	editor := s.staff(t, api.RoleEditor)
	editor.get(t, "/operator/zones").want(t, http.StatusOK, `href="/operator/maintenance?zone=`+httpapitest.Zone+`"`)
	editor.get(t, "/operator/maintenance").want(t, http.StatusOK).says(t, "Show who is affected").lacks(t, "would be planned")

	zone := url.Values{"zone": {httpapitest.Zone}, "service": {httpapitest.Service}, "reason": {hostile}}
	preview := editor.get(t, "/operator/maintenance?"+zone.Encode()).want(t, http.StatusOK).
		says(t, "2 restarts would be planned", "The people of 2 organizations", one.Name, two.Name, "1 instance is left out", waiting.Name, "It has not been ready yet.", hostile).lacks(t, "<script>alert")
	if n := s.planned(t); n != 0 {
		t.Fatalf("a preview has planned %d", n)
	}
	zone.Set("key", preview.between(t, `name="key" value="`, `"`))
	for range 2 {
		editor.post(t, "/operator/maintenance", zone).want(t, http.StatusOK).says(t, "2 restarts are planned.", one.Name, two.Name).lacks(t, "<script>alert")
	}
	if n := s.planned(t); n != 2 {
		t.Errorf("%d are planned", n)
	}
	editor.get(t, "/operator/maintenance?"+zone.Encode()).want(t, http.StatusOK).says(t, "0 restarts would be planned", "A restart is planned already, for").lacks(t, `method="post" action="/operator/maintenance"`)

	path := "/operator/maintenance?instance=" + one.ID.String()
	editor.get(t, "/operator/instances/"+one.ID.String()).want(t, http.StatusOK, `href="`+path+`"`)
	editor.get(t, path).want(t, http.StatusOK).says(t, one.Name).lacks(t, `id="restarts-zone"`)
	editor.get(t, path+"&urgent=on&reason=A+hole").want(t, http.StatusOK).says(t, "1 restart would be planned")

	for id, form := range map[string]url.Values{
		"restarts-reason": {"zone": {httpapitest.Zone}, "reason": {"x"}},
		"restarts-from":   {"zone": {httpapitest.Zone}, "reason": {"A hole"}, "notBefore": {hostile}},
		"restarts-zone":   {"zone": {"nowhere"}, "reason": {"A hole"}},
	} {
		editor.get(t, "/operator/maintenance?"+form.Encode()).want(t, http.StatusOK).lacks(t, "<script>alert").between(t, `id="`+id+`-problem">`, "<")
		editor.post(t, "/operator/maintenance", form).want(t, http.StatusUnprocessableEntity).between(t, `id="`+id+`-problem">`, "<")
	}
	s.staff(t, api.RoleViewer).get(t, "/operator/zones").want(t, http.StatusOK).lacks(t, "/operator/maintenance")
}

// restartPlanned plans a restart of a fresh instance as the operator, and returns its ID.
func (s *site) restartPlanned(t *testing.T) string {
	t.Helper()
	var did api.MaintenancePlanned
	s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/operator/maintenance", Token: s.Token(t, httpapitest.Operator, "", api.RoleEditor),
		Body: api.MaintenancePlan{Instance: s.Ready(t, httpapitest.Own, httpapitest.OwnProject).ID.String(), Reason: "Other hardware"}}).Want(t, http.StatusOK).Decode(t, &did)
	return did.Items[0].ID
}

// What is planned is listed, and taken back with a reason; a form that lacks anything
// takes nothing back.
func TestWithdrawingRestarts(t *testing.T) {
	s := newSite(t)
	one, two := s.restartPlanned(t), s.restartPlanned(t)
	editor := s.staff(t, api.RoleEditor)
	list := "/operator/maintenance/planned"
	page := editor.get(t, list).want(t, http.StatusOK, `value="`+one+`"`, `value="`+two+`"`).says(t, "Other hardware")
	s.staff(t, api.RoleViewer).get(t, list).want(t, http.StatusOK).says(t, "Other hardware").lacks(t, one, "Withdraw what is chosen")

	editor.post(t, "/operator/maintenance/withdraw", url.Values{"reason": {"Not needed"}}).want(t, http.StatusUnprocessableEntity).says(t, "Choose at least one restart.")
	editor.post(t, "/operator/maintenance/withdraw", url.Values{"id": {one}, "reason": {"x"}}).want(t, http.StatusUnprocessableEntity, `value="`+one+`" checked`).between(t, `id="withdraw-reason-problem">`, "<")
	form := url.Values{"id": {one}, "reason": {hostile}, "key": {page.between(t, `name="key" value="`, `"`)}}
	for range 2 {
		editor.post(t, "/operator/maintenance/withdraw", form).want(t, http.StatusOK).says(t, "1 restart is withdrawn.").lacks(t, one, "<script>alert")
	}
	form.Del("key")
	s.Clock.Advance(time.Minute)
	editor.post(t, "/operator/maintenance/withdraw", form).want(t, http.StatusOK).says(t, "0 restarts are withdrawn.", "1 had begun or ended before")
	editor.get(t, list+"?all=true").want(t, http.StatusOK, two).says(t, "Cancelled", hostile)
}
