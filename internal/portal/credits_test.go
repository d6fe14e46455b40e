package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// onCreditTerms publishes terms.
func onCreditTerms(*testing.T, *site, string) (string, url.Values) {
	return "/operator/billing/credits", url.Values{"serviceLevel": {"best-effort"}, "tiers[0].below": {"99"}, "tiers[0].percent": {"10"}}
}

// Terms that the operator publishes are shown to customers with their SLA reports.
func TestCreditTermsAreShown(t *testing.T) {
	s := newSite(t)
	s.as("viewer").get(t, own+"/sla").want(t, 200, "Nothing is given back for this month")
	editor := s.staff(t, api.RoleEditor)
	form := func(change map[string]string) url.Values {
		_, f := onCreditTerms(t, s, "")
		for name, value := range change {
			f.Set(name, value)
		}
		return f
	}
	editor.post(t, "/operator/billing/credits", form(map[string]string{"tiers[2].below": "98", "tiers[2].percent": "5"})).want(t, 422, "The less available, the more is given back.", `value="98"`)
	editor.post(t, "/operator/billing/credits", form(map[string]string{"cap": "50"})).want(t, 303)
	editor.get(t, "/operator/billing/credits").want(t, 200, "below 99 %: 10 %", "All without terms of their own", "Nothing was given back")
	s.as("viewer").get(t, own+"/sla").want(t, 200, "below 99 %: 10 %", "50 %").lacks(t, "Revision 1")
}

// Long lists of what was given back and of write-offs go on on further pages.
func TestCreditsAndWriteOffsGoOn(t *testing.T) {
	s := newSite(t)
	editor := s.staff(t, api.RoleEditor)
	var names []string
	for n := range 51 {
		names = append(names, fmt.Sprintf("cache%02d", n))
	}
	s.GiveBack(t, httpapitest.Own, "2026-01", names...)
	const credits = "/operator/billing/credits?month=2026-01"
	first := editor.get(t, credits).want(t, 200, "cache00", "cache49", "cursor=", "month=2026-01").lacks(t, "cache50", "First page")
	editor.get(t, first.between(t, `rel="next" href="`, `"`)).want(t, 200, "cache50", "First page").lacks(t, "cache49", `rel="next"`)

	for range 50 {
		s.ProposeWriteOff(t, s.Bill(t, httpapitest.Own, "100.00"), "ann@operator.example")
	}
	const all = "/operator/billing/write-offs"
	editor.get(t, all).want(t, 200).lacks(t, `rel="next"`)
	newest := s.Bill(t, httpapitest.Own, "100.00")
	s.ProposeWriteOff(t, newest, "ann@operator.example")
	oldest := ""
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, `SELECT i.number FROM write_offs w JOIN invoices i ON i.id = w.invoice_id ORDER BY w.id LIMIT 1`).Scan(&oldest)
	})
	first = editor.get(t, all).want(t, 200, newest).lacks(t, oldest)
	editor.get(t, first.between(t, `rel="next" href="`, `"`)).want(t, 200, oldest).lacks(t, newest)
}
