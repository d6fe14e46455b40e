package cli

import (
	"strings"
	"testing"

	"souk/api"
)

func TestCosts(t *testing.T) {
	h := newTerminal(t)
	forecast := func(a string) *api.Money { m := chf(a); return &m }
	h.server.replies["GET /organizations/acme/cost/report"] = api.CostReport{
		From: "2026-11", To: "2026-11", TimeZone: "Europe/Zurich", Until: now, By: "label=team", Total: chf("3.00"), Forecast: forecast("9.00"),
		Groups: []api.CostGroup{{Name: "web", Amount: chf("1.50"), Forecast: forecast("5.00")}, {Amount: chf("1.00"), Forecast: forecast("3.00")}},
		Others: &api.CostOthers{Count: 2, Amount: chf("0.50"), Forecast: forecast("1.00")},
	}
	out, stderr := h.expect(0, "costs", "--by", "label=team", "--month", "2026-11", "--service", "postgresql")
	want := `TEAM      AMOUNT    FORECAST
web       CHF 1.50  CHF 5.00
-         CHF 1.00  CHF 3.00
2 others  CHF 0.50  CHF 1.00
TOTAL     CHF 3.00  CHF 9.00
`
	if out != want || !strings.Contains(stderr, "Costs of acme in 2026-11, up to 2026-11-21") {
		t.Errorf("%s%s", out, stderr)
	}
	h.expect(2, "costs", "--month", "2026-11", "--from", "2026-10")
}
