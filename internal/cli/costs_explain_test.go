package cli

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/api"
)

// Lines of an instance's running costs open to their parts, all or those of an item, and an
// hour of a meter to its events.
func TestCostsExplain(t *testing.T) {
	h := newTerminal(t)
	hour := now.Truncate(time.Hour)
	cost := api.Cost{Month: "2026-11", TimeZone: "Europe/Zurich", Until: now, Lines: []api.CostLine{
		{Key: "k1", Project: "default", Instance: "cache1", Plan: "small", Item: "compute"},
		{Key: "k2", Project: "default", Instance: "cache1", Item: "traffic-out"},
		{Key: "k3", Project: "default", Instance: "cache1", Item: "minimum", Of: "traffic-out"},
	}}
	h.server.replies["GET /organizations/acme/projects/default/instances/cache1/cost"] = cost
	explained := api.Explanation{Month: "2026-11", TimeZone: "Europe/Zurich", InstanceID: "i1", PriceList: "list", PriceRevision: 1, Unit: "hour", Price: chf("0.02"), Amount: chf("0.04"),
		Now: &api.Rated{Unrounded: "0.040000000000", Amount: "0.04"}, Count: 2}
	const line = "GET /organizations/acme/cost/lines/"
	h.server.replies[line+"k1"] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // a part on each page
		e := explained
		e.Parts, e.Next = []api.Part{{Kind: "segment", From: hour.Add(-2 * time.Hour), To: hour.Add(-time.Hour), State: "active", Quantity: 1, Seconds: "3600.00", Share: "0.020000000000", Causes: []api.Cause{{Kind: "command", What: "order"}}}}, "more"
		if r.URL.Query().Get("cursor") == "more" {
			e.Parts, e.Next = []api.Part{{Kind: "segment", From: hour.Add(-time.Hour), To: hour, State: "maintaining", Quantity: 1, Seconds: "3600.00", Share: "0.020000000000"}}, ""
		}
		answer(w, 200, e)
	})
	metered := explained
	metered.Parts = []api.Part{{Kind: "usage", Meter: "traffic-out", From: hour, To: hour.Add(time.Hour), Quantity: 7, Events: 1, Share: "0"}}
	h.server.replies[line+"k2"], h.server.replies[line+"k3"] = metered, explained
	h.server.replies["GET /organizations/acme/cost/events"] = api.List[api.CountedEvent]{Items: []api.CountedEvent{{Source: "zone", ID: "e1", From: hour, To: hour, Quantity: 7, Received: now}}}

	out, _ := h.expect(0, "costs", "explain", "cache1", "compute")
	want := `Line:    default/cache1, small, compute
Amount:  CHF 0.04
Month:   2026-11 (Europe/Zurich)
Price:   CHF 0.02 a hour, price list list, revision 1

Parts
FROM                     TO                       WHAT         QUANTITY  SECONDS  SHARE           BEGAN WITH
2026-11-21 11:00:00 CET  2026-11-21 12:00:00 CET  active       1         3600.00  0.020000000000  command order
2026-11-21 12:00:00 CET  2026-11-21 13:00:00 CET  maintaining  1         3600.00  0.020000000000  -

Together
               CHF
All parts      0.040000000000
Rounded, once  0.04
`
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
	if q := h.server.requests[len(h.server.requests)-1].query; !strings.Contains(q, "month=2026-11") || !strings.Contains(q, "project=default") {
		t.Errorf("asked for %s", q)
	}
	out, _ = h.expect(0, "costs", "explain", "instance/cache1", "traffic-out")
	has(t, out, "cache1, traffic-out\n", "traffic-out, 1 events", "cache1, minimum of traffic-out\n")
	if strings.Contains(out, "compute") {
		t.Errorf("%s", out)
	}
	out, _ = h.expect(0, "costs", "explain", "cache1", "-o", "json")
	if strings.Count(out, `"timeZone"`) != 3 || strings.Contains(out, `"next"`) {
		t.Errorf("%s", out)
	}
	out, _ = h.expect(0, "costs", "explain", "cache1", "--hour", hour.Format(time.RFC3339))
	has(t, out, "SOURCE", "e1")
	_, stderr := h.expect(1, "costs", "explain", "cache1", "--hour", "2026-11-21T01:00:00Z")
	has(t, stderr, "no hour of a meter")
	_, stderr = h.expect(1, "costs", "explain", "cache1", "storage")
	has(t, stderr, "there are: compute, minimum, traffic-out")
	h.expect(2, "costs", "explain")
	h.server.replies["GET /organizations/acme/projects/default/instances/cache1/cost"] = api.Cost{Month: "2026-11", Lines: []api.CostLine{}}
	_, stderr = h.expect(0, "costs", "explain", "cache1")
	has(t, stderr, "cost nothing")
}
