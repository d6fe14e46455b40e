package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
)

func TestCustomerPages(t *testing.T) {
	s := newSite(t)
	viewer, admin := s.staff(t, api.RoleViewer), s.staff(t, api.RoleAdmin)
	i := s.Order(t, httpapitest.Own, httpapitest.OwnProject, "orders")
	s.Report(t, i, driver.StateRunning)
	s.Clock.Advance(time.Hour)
	s.as("admin").post(t, own+"/settings", url.Values{"displayName": {hostile}, "timeZone": {"UTC"}})
	viewer.get(t, "/operator/organizations").want(t, http.StatusOK).says(t, httpapitest.Own, httpapitest.Other, httpapitest.Operator, hostile).lacks(t, "<script>alert")
	for query, want := range map[string]string{
		"q=glo": "globex", "kind=operator": httpapitest.Operator, "q=" + url.QueryEscape(hostile): "acme", "q=nothing": "", "kind=customer": "acme globex",
	} {
		got := viewer.get(t, "/operator/organizations?"+query).want(t, http.StatusOK).lacks(t, "<script>alert").main()
		for _, name := range []string{"acme", "globex", httpapitest.Operator} {
			if shown := strings.Contains(got, `href="/operator/organizations/`+name+`"`); shown != strings.Contains(want, name) {
				t.Errorf("%s shows %s: %v", query, name, shown)
			}
		}
	}
	page := "/operator/organizations/" + httpapitest.Own
	viewer.get(t, page).want(t, http.StatusOK).says(t, hostile, "CHF 0.02", "owner@acme.example", "Owner", "orders").lacks(t, "<script>alert", "<form method=\"post\" action=\""+page)
	viewer.get(t, "/operator/organizations/nowhere").want(t, http.StatusNotFound)

	quota := url.Values{"instances": {"7"}, "cpu": {"2.5"}, "memory": {"4096"}, "storage": {"100"}}
	viewer.post(t, page+"/quota", quota).want(t, http.StatusForbidden)
	s.as("owner").post(t, page+"/quota", quota).want(t, http.StatusForbidden)
	admin.post(t, page+"/quota", quota).leads(t, page+"?done=quota-kept")
	admin.get(t, page).says(t, "1 of 7", "2.5", "100 GiB")
	s.as("owner").get(t, own+"/audit?action=quota.update").says(t, "admin@operator.example")
	for field, typed := range map[string]string{"instances": "-1", "cpu": "1.2345", "memory": hostile, "storage": ""} {
		bad := url.Values{}
		for k, values := range quota {
			bad[k] = values
		}
		bad.Set(field, typed)
		admin.post(t, page+"/quota", bad).want(t, http.StatusUnprocessableEntity).lacks(t, "<script>alert").between(t, `id="quota-`+field+`-problem">`, "<")
	}
	admin.get(t, page).says(t, "1 of 7")
}

func TestZonesAndWhatIsStuck(t *testing.T) {
	s := newSite(t)
	viewer := s.staff(t, api.RoleViewer)
	viewer.get(t, "/operator/zones").want(t, http.StatusOK).says(t, httpapitest.Zone, "souk", "Failure domains", "postgresql 15", "Can be ordered", "Reports")
	viewer.get(t, "/operator/stuck").want(t, http.StatusOK).says(t, "Nothing is stuck")
	i := s.Order(t, httpapitest.Own, httpapitest.OwnProject, "waiting")
	s.Clock.Advance(3 * time.Minute)
	viewer.get(t, "/operator/stuck").want(t, http.StatusOK).says(t, "waiting", httpapitest.Own, "The operator has to act.", "It takes longer than it should.")
	viewer.get(t, "/operator/stuck?actor=customer").want(t, http.StatusOK).says(t, "Nothing is stuck")
	viewer.get(t, "/operator/instances/"+i.ID.String()).want(t, http.StatusOK).says(t, "Stuck since", "The operator has to act.")
	s.Report(t, i, driver.StateRunning)
	viewer.get(t, "/operator/stuck").says(t, "Nothing is stuck")
}
