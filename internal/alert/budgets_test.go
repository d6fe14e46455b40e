package alert

import (
	"strings"
	"testing"

	"souk/internal/budget"
	"souk/internal/store"
)

// A budget's organization is told of it by its channels, and that it is over; others are
// not.
func TestBudgetIsToldByChannels(t *testing.T) {
	w, r := newWorld(t), newReceiver(t)
	w.hook("ops", r.URL, nil)
	a := budget.Alert{ID: store.NewID(), Organization: w.Acme.Organization, OrganizationName: "acme", Budget: "everything", Summary: "80 % of the budget are spent: CHF 8.00 of CHF 10.00.", Since: w.Clock.Now()}
	tell := func() (list []Notice) {
		t.Helper()
		if err := w.Store.System(t.Context(), func(tx store.Tx) error { return w.alerts.TellOfBudget(t.Context(), tx, a, w.Clock.Now()) }); err != nil {
			t.Fatal(err)
		}
		w.Machine.Advance(gather)
		w.deliver()
		for _, m := range r.take() {
			list = append(list, noticesIn(t, m)...)
		}
		return list
	}
	n := tell()
	if len(n) != 1 || n[0].Status != "firing" || n[0].Severity != "warning" || n[0].Name != BudgetName || n[0].URL != "https://souk.example/o/acme/budgets/everything" {
		t.Errorf("told %+v", n)
	}
	if text := line(n[0], "en"); !strings.HasPrefix(text, "Firing: Budget everything (warning), acme, since ") || !strings.Contains(text, a.Summary) {
		t.Errorf("%s", text)
	}
	a.Over = true
	if over := tell(); len(over) != 1 || over[0].Status != "resolved" || over[0].ID != n[0].ID || over[0].ResolvedAt == nil {
		t.Errorf("told %+v", over)
	}
	a.Organization = store.NewID()
	if n := tell(); len(n) != 0 {
		t.Errorf("others are told %+v", n)
	}
}
