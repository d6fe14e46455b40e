package costs_test

import (
	"testing"
	"time"

	"souk/api"
	"souk/internal/agreement"
	"souk/internal/costs"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
)

// Discounts are a part of their own, from any side; with them the groups, the forecast and
// the days still add up to the total.
func TestDiscountsAreAPartOfTheirOwn(t *testing.T) {
	w := lived(t)
	w.System(t, func(tx store.Tx) error {
		s := agreement.Service{Packages: w.Packages, Now: w.Clock.Now()}
		for _, terms := range []api.AgreementTerms{{Name: "A", Kind: "percent", Percent: "12.5", From: "2026-03-07"}, {Name: "B", Kind: "amount", Amount: "1", From: "2026-01-01"}} {
			if _, err := s.Create(t.Context(), tx, api.AgreementCreate{Organization: w.Acme.OrganizationName, AgreementTerms: terms}, "ann@operator.example"); err != nil {
				return err
			}
		}
		return nil
	})
	w.Machine.Set(instancetest.Start.Add(400*time.Hour + 7*time.Second))
	total := explore(t, w, costs.ByService, "", "", costs.Filter{})
	for _, by := range everySide {
		r := explore(t, w, by, "", "", costs.Filter{})
		amount, forecast := sum(r.Groups)
		var days, less money.Amount
		for _, d := range r.Days {
			days = days.Add(d.Amount)
		}
		if amount.Cmp(total.Total) != 0 || by != costs.ByDay && forecast.Cmp(total.Forecast) != 0 || days.Cmp(total.Total) != 0 {
			t.Errorf("by %s: %s and %s, by day %s, the total is %s and %s", by, amount, forecast, days, total.Total, total.Forecast)
		}
		for _, g := range r.Groups {
			if g.Discount || by == costs.ByItem && g.Name == "discount" {
				less = less.Add(g.Amount)
			}
		}
		if by != costs.ByDay && by != costs.ByMonth && less.Cmp(money.MustParse("-1")) >= 0 {
			t.Errorf("by %s: the discount is %s", by, less)
		}
	}
	if r := explore(t, w, costs.ByService, "", "", costs.Filter{Item: "discount"}); len(r.Groups) != 1 || !r.Groups[0].Discount {
		t.Errorf("%+v", r)
	}
}
