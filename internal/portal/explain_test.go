package portal_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// onCostLine is for a page about a line of what an instance has cost.
func onCostLine(path string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		return own + path + costLine(t, s), nil
	}
}

// costLine is the key of a line of what an instance has cost this month.
func costLine(t *testing.T, s *site) string {
	t.Helper()
	i := s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	s.Clock.Advance(time.Second)
	var cost api.Cost
	s.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/organizations/" + httpapitest.Own + "/projects/" + httpapitest.OwnProject + "/instances/" + i.Name + "/cost",
		Token: s.Token(t, httpapitest.Own, "", api.RoleOwner)}).Want(t, http.StatusOK).Decode(t, &cost)
	return cost.Lines[0].Key
}

// Lines of the draft and of the costs open to the intervals that they are made of.
func TestLinesOpen(t *testing.T) {
	s := newSite(t)
	key, billing := costLine(t, s), s.as("billing")
	billing.get(t, own+"/invoices/draft").want(t, 200, "/invoices/draft/lines/"+key)
	for _, path := range []string{"/invoices/draft/lines/" + key, "/costs/lines/" + key} {
		billing.get(t, own+path).want(t, 200, "Running", "Reported ready", "Sum of the parts, not rounded", "Price list", "revision 1", "/p/"+httpapitest.OwnProject+"/instances/ready")
	}
	number := s.Issued(t, httpapitest.Own)
	billing.get(t, own+"/invoices/"+number+"/lines/1").want(t, 200, "Nothing is behind this line")
	billing.get(t, own+"/invoices/"+number+"/lines/x").want(t, 404)
	billing.get(t, own+"/costs/events?instance=00000000-0000-0000-0000-000000000001&meter=queries&hour=2026-03-01T10:00:00Z").want(t, 200, "No events")
	billing.get(t, own+"/costs/events?instance=x&meter=queries&hour=x").want(t, 404)
}
