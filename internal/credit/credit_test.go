package credit_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/credit"
	"souk/internal/money"
)

func tiers(pairs ...string) (list []api.CreditTier) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, api.CreditTier{Below: pairs[i], Percent: pairs[i+1]})
	}
	return list
}

func result(id uuid.UUID, level, availability string) api.SLAReportInstance {
	return api.SLAReportInstance{ID: id.String(), ServiceLevel: level, SLAResult: api.SLAResult{Availability: availability}}
}

func shown(all []credit.Credit) string {
	out := []string{}
	for _, one := range all {
		out = append(out, fmt.Sprintf("%s of %s by %s %%", one.Amount.Fixed(2), one.Charged.Fixed(2), one.Tier.Percent))
	}
	return fmt.Sprint(out)
}

func TestCredits(t *testing.T) {
	usual := credit.Terms{Tiers: tiers("99.9", "10", "95", "100", "99", "25")}
	db1, other := uuid.New(), uuid.New()
	charges := []billing.Line{
		{InstanceID: db1, Item: billing.ItemCompute, Currency: "CHF", Amount: money.MustParse("14.88")},
		{InstanceID: db1, Item: billing.ItemStorage, Currency: "CHF", Amount: money.MustParse("2.07")},
		{InstanceID: other, Item: billing.ItemCompute, Currency: "CHF", Amount: money.MustParse("100.00")},
	}
	for _, c := range []struct {
		name, availability, level string
		terms                     credit.Terms
		want                      string
	}{
		{"all the time", "100.0000", "best-effort", usual, "[]"},
		{"just as promised", "99.9000", "best-effort", usual, "[]"},
		{"a ten-thousandth below", "99.8999", "best-effort", usual, "[1.70 of 16.95 by 10 %]"},
		{"the second tier", "98.9999", "best-effort", usual, "[4.24 of 16.95 by 25 %]"},
		{"at the second tier", "99.0000", "best-effort", usual, "[1.70 of 16.95 by 10 %]"},
		{"the last tier", "12.0000", "best-effort", usual, "[16.95 of 16.95 by 100 %]"},
		{"never up", "0.0000", "best-effort", usual, "[16.95 of 16.95 by 100 %]"},
		{"not measured", "", "best-effort", usual, "[]"},
		{"no tiers agreed", "12.0000", "best-effort", credit.Terms{}, "[]"},
		{"another level", "12.0000", "guaranteed", usual, "[]"},
		{"with a cap that is not reached", "98.0000", "best-effort", credit.Terms{Tiers: usual.Tiers, Cap: "50"}, "[4.24 of 16.95 by 25 %]"},
		{"with a cap that is reached", "12.0000", "best-effort", credit.Terms{Tiers: usual.Tiers, Cap: "50"}, "[8.48 of 16.95 by 100 %]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := api.SLAReport{Instances: []api.SLAReportInstance{result(db1, c.level, c.availability)}}
			if got := shown(credit.Credits(report, charges, "CHF", map[string]credit.Terms{"best-effort": c.terms})); got != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

// A cap is of all instances of the level, also of those that were available, and cuts
// credits by their share of it.
func TestACapCutsAllByTheSameShare(t *testing.T) {
	a, b, well := uuid.New(), uuid.New(), uuid.New()
	charges := []billing.Line{{InstanceID: a, Currency: "CHF", Amount: money.MustParse("30.00")}, {InstanceID: b, Currency: "CHF", Amount: money.MustParse("60.00")}, {InstanceID: well, Currency: "CHF", Amount: money.MustParse("10.00")}}
	report := api.SLAReport{Instances: []api.SLAReportInstance{result(a, "best-effort", "50.0000"), result(b, "best-effort", "50.0000"), result(well, "best-effort", "100.0000")}}
	terms := map[string]credit.Terms{"best-effort": {Tiers: tiers("99", "100"), Cap: "25"}}
	if got, want := shown(credit.Credits(report, charges, "CHF", terms)), "[8.33 of 30.00 by 100 % 16.67 of 60.00 by 100 %]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What costs nothing is credited nothing, and no line of nothing is made.
func TestNothingIsCreditedOfNothing(t *testing.T) {
	report := api.SLAReport{Instances: []api.SLAReportInstance{result(uuid.New(), "best-effort", "0.0000")}}
	if got := credit.Credits(report, nil, "CHF", map[string]credit.Terms{"best-effort": {Tiers: tiers("99", "100")}}); len(got) > 0 {
		t.Errorf("credited %+v", got)
	}
}

// However terms, availability and charges are, no instance is given back more than it was
// charged, no level more than its cap, the less available the more, and the order of
// lines changes nothing.
func TestCreditsKeepTheirBounds(t *testing.T) {
	cents := func(n int64) money.Amount { return money.Prorate(money.MustParse("1"), n, 100, 2) }
	percent := func(t *rapid.T, name string) string { return fmt.Sprint(rapid.IntRange(1, 100).Draw(t, name)) }
	rapid.Check(t, func(t *rapid.T) {
		terms := credit.Terms{}
		lowest, give := 100, 0
		for range rapid.IntRange(0, 4).Draw(t, "tiers") {
			if lowest < 2 || give > 99 {
				break
			}
			lowest, give = rapid.IntRange(1, lowest-1).Draw(t, "below"), rapid.IntRange(give+1, 100).Draw(t, "percent")
			terms.Tiers = append(terms.Tiers, api.CreditTier{Below: fmt.Sprint(lowest), Percent: fmt.Sprint(give)})
		}
		if rapid.Bool().Draw(t, "capped") {
			terms.Cap = percent(t, "cap")
		}
		report, charges, sum := api.SLAReport{}, []billing.Line{}, money.Amount{}
		for range rapid.IntRange(1, 8).Draw(t, "instances") {
			id := uuid.New()
			report.Instances = append(report.Instances, result(id, "best-effort", fmt.Sprintf("%d.%04d", rapid.IntRange(0, 99).Draw(t, "available"), rapid.IntRange(0, 9999).Draw(t, "part"))))
			for range rapid.IntRange(0, 3).Draw(t, "lines") {
				amount := cents(rapid.Int64Range(0, 10_000).Draw(t, "amount"))
				charges, sum = append(charges, billing.Line{InstanceID: id, Currency: "CHF", Amount: amount}), sum.Add(amount)
			}
		}
		got := credit.Credits(report, charges, "CHF", map[string]credit.Terms{"best-effort": terms})
		var total money.Amount
		for _, c := range got {
			total = total.Add(c.Amount)
			if c.Amount.Cmp(c.Charged) > 0 || c.Amount.Cmp(money.Amount{}) <= 0 {
				t.Fatalf("%s of %s", c.Amount, c.Charged)
			}
		}
		if terms.Cap != "" && total.Cmp(sum.Percent(money.MustParse(terms.Cap), 2)) > 0 {
			t.Fatalf("%s of %s in all, by a cap of %s %%", total, sum, terms.Cap)
		}
		for i := range got {
			for j := range got {
				a, b := got[i], got[j]
				if a.Charged.Cmp(b.Charged) == 0 && a.Result.Availability == b.Result.Availability && a.Amount.Sub(b.Amount).Cmp(cents(1)) > 0 {
					t.Fatalf("%s and %s of the same", a.Amount, b.Amount)
				}
				if money.MustParse(a.Tier.Below).Cmp(money.MustParse(b.Tier.Below)) > 0 && money.MustParse(a.Tier.Percent).Cmp(money.MustParse(b.Tier.Percent)) > 0 {
					t.Fatalf("tier %v gives more than %v", a.Tier, b.Tier)
				}
			}
		}
		turned := make([]billing.Line, len(charges))
		for i, l := range charges {
			turned[len(charges)-1-i] = l
		}
		if again := credit.Credits(report, turned, "CHF", map[string]credit.Terms{"best-effort": terms}); shown(again) != shown(got) {
			t.Fatalf("%s and %s", shown(got), shown(again))
		}
	})
}

// What is wrong with terms is said of its field.
func TestBadTerms(t *testing.T) {
	w := newWorld(t)
	for field, spec := range map[string]api.CreditTermsSpec{
		"body.serviceLevel":     {ServiceLevel: "gold"},
		"body.fromMonth":        {ServiceLevel: "best-effort", FromMonth: "2026-13"},
		"body.cap":              {ServiceLevel: "best-effort", Cap: "100.01"},
		"body.tiers[0].below":   {ServiceLevel: "best-effort", Tiers: tiers("100.1", "10")},
		"body.tiers[0].percent": {ServiceLevel: "best-effort", Tiers: tiers("99", "0")},
		"body.tiers[1].below":   {ServiceLevel: "best-effort", Tiers: tiers("99", "10", "99.0", "20")},
		"body.tiers[1].percent": {ServiceLevel: "best-effort", Tiers: tiers("99", "10", "95", "5")},
	} {
		if _, err := w.publish(spec); fieldOf(err) != field {
			t.Errorf("%+v: %v, want it said of %q", spec, err, field)
		}
	}
	w.must(api.CreditTermsSpec{ServiceLevel: "guaranteed", FromMonth: "2026-12", Tiers: tiers("99.9", "10", "95", "100"), Cap: "50"})
}
