package cli

import (
	"strings"
	"testing"

	"souk/api"
)

func TestBudgets(t *testing.T) {
	h := newTerminal(t)
	spent, forecast := chf("85.00"), chf("120.00")
	b := api.Budget{Spec: api.BudgetSpec{Amount: "100.00", Currency: "CHF", Action: "refuse", Thresholds: &api.BudgetThresholds{Actual: []int{50, 80}, Forecast: []int{}}},
		Status: api.BudgetStatus{Month: "2026-11", Spent: &spent, Percent: 85, Forecast: &forecast, Told: []api.BudgetNotice{{Basis: "actual", Percent: 80, Reached: spent, At: now}}}}
	b.Metadata.Name = "everything"
	used := b
	used.Metadata.Name, used.Spec.Project, used.Status.Exceeded = "shop", "shop", true
	fresh := api.Budget{Spec: api.BudgetSpec{Amount: "5.00", Currency: "CHF", Action: "none"}}
	fresh.Metadata.Name = "new"
	const all = "GET /organizations/acme/budgets"
	h.server.replies[all] = api.List[api.Budget]{Items: []api.Budget{b, used, fresh}}
	out, _ := h.expect(0, "budgets")
	want := `NAME        PROJECT  AMOUNT      SPENT      USED  FORECAST    ACTION  STATE
everything  all      CHF 100.00  CHF 85.00  85 %  CHF 120.00  refuse  within
shop        shop     CHF 100.00  CHF 85.00  85 %  CHF 120.00  refuse  used up, refuses orders
new         all      CHF 5.00    -          -     -           none    not looked at yet
`
	if out != want {
		t.Errorf("%s\nwant %s", out, want)
	}
	if out, _ := h.expect(0, "budgets", "-o", "name"); out != "budget/everything\nbudget/shop\nbudget/new\n" {
		t.Errorf("%s", out)
	}
	h.server.replies[all+"/everything"] = b
	out, _ = h.expect(0, "budgets", "everything")
	for _, want := range []string{"50, 80 per cent spent, none of the forecast", "CHF 85.00 (85 %)", "actual  80        CHF 85.00"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	h.server.replies["PUT /organizations/acme/budgets/everything"] = b
	if out, _ := h.expect(0, "budgets", "set", "everything", "--amount", "100", "--actual", "50,80", "--action", "refuse"); !strings.Contains(out, "budget/everything is CHF 100.00 a month") {
		t.Errorf("%s", out)
	}
	h.expect(2, "budgets", "set", "everything")
	h.server.replies["DELETE /organizations/acme/budgets/everything"] = nil
	h.expect(0, "budgets", "delete", "everything")
}
