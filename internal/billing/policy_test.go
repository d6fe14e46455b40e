package billing

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/compare"
	"souk/internal/money"
)

// The revisions of a list that price what was ordered before do so from where they begin:
// at once, or with the next month in the account's zone, whatever its clocks do.
func TestPolicies(t *testing.T) {
	id := func(n int32) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}) }
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", text, zurich)
		if err != nil {
			t.Fatal(err)
		}
		return moment.UTC()
	}
	instance := id(99)
	price := func(amount string) []Price {
		return []Price{{Item: ItemCompute, Unit: UnitHour, Amount: money.MustParse(amount), Currency: "CHF"}, {Item: "requests", Unit: "thousand", Amount: money.MustParse(amount), Currency: "CHF"},
			{Item: ItemSetup, Unit: UnitOnce, Amount: money.MustParse(amount), Currency: "CHF"}}
	}
	published := func(number int32, policy Policy, when string) revision {
		return revision{id(number), id(0), number, policy, at(when)}
	}
	for _, c := range []struct {
		name      string
		ready     string // for the first time
		month     string
		revisions []revision // after the first, at 1 an hour; each costs its number
		without   int32      // a revision that has no prices for the plan
		want      []string
	}{
		{"new orders only", "2026-03-01 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNewOrders, "2026-03-10 00:00")}, 0, []string{"1.00: 743.00 = 743.00"}},
		{"now, in the middle of a month with a change of clocks", "2026-03-01 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNow, "2026-03-29 12:00")}, 0,
			[]string{"1.00: 683.00 = 683.00", "2.00: 60.00 = 120.00"}},
		{"with the next month: not in this one", "2026-03-01 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNextPeriod, "2026-03-10 00:00")}, 0, []string{"1.00: 743.00 = 743.00"}},
		{"and from its first moment on", "2026-03-01 00:00", "2026-04-10 00:00", []revision{published(2, PolicyNextPeriod, "2026-03-31 23:59")}, 0, []string{"2.00: 720.00 = 1440.00"}},
		{"published in its first moment: the one after", "2026-03-01 00:00", "2026-04-10 00:00", []revision{published(2, PolicyNextPeriod, "2026-04-01 00:00")}, 0, []string{"1.00: 720.00 = 720.00"}},
		{"clocks go back in it", "2026-09-01 00:00", "2026-10-10 00:00", []revision{published(2, PolicyNextPeriod, "2026-09-10 00:00"), published(3, PolicyNow, "2026-10-25 00:00")}, 0,
			[]string{"2.00: 576.00 = 1152.00", "3.00: 169.00 = 507.00"}},
		{"one for new orders between them counts for nothing", "2026-03-01 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNow, "2026-03-11 00:00"), published(3, PolicyNewOrders, "2026-03-12 00:00")}, 0,
			[]string{"1.00: 240.00 = 240.00", "2.00: 503.00 = 1006.00"}},
		{"of two that have begun the later", "2026-03-01 00:00", "2026-04-10 00:00", []revision{published(2, PolicyNextPeriod, "2026-03-11 00:00"), published(3, PolicyNow, "2026-03-12 00:00")}, 0, []string{"3.00: 720.00 = 2160.00"}},
		{"an order that was open then", "2026-03-21 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNow, "2026-03-20 00:00"), published(3, PolicyNextPeriod, "2026-03-20 12:00")}, 0, []string{"1.00: 263.00 = 263.00"}},
		{"and what is published once it runs", "2026-03-21 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNow, "2026-03-20 00:00"), published(3, PolicyNow, "2026-03-22 00:00")}, 0,
			[]string{"1.00: 24.00 = 24.00", "3.00: 239.00 = 717.00"}},
		{"one that has no price for the plan", "2026-03-01 00:00", "2026-03-10 00:00", []revision{published(2, PolicyNow, "2026-03-11 00:00")}, 2, []string{"1.00: 743.00 = 743.00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := tariffs{prices: map[priceKey][]Price{}, revisions: map[uuid.UUID]revision{}, later: map[uuid.UUID][]revision{}, zone: zurich, ready: map[uuid.UUID]time.Time{instance: at(c.ready)}, book: PriceBook{}}
			for _, r := range append([]revision{published(1, PolicyNewOrders, "2026-01-01 00:00")}, c.revisions...) {
				all.revisions[r.id] = r
				if r.policy != PolicyNewOrders {
					all.later[r.list] = append(all.later[r.list], r)
				}
				if r.number != c.without {
					all.book[priceKey{r.id, "pg", "small", "best-effort"}] = price(string('0' + rune(r.number)))
				}
			}
			m := MonthOf(at(c.month), zurich)
			use := Use{Segment: Segment{From: compare.Later(at(c.ready), m.From.Add(-time.Hour)), ComputeBilled: true, Terms: Terms{PriceList: id(1), ServiceLevel: "best-effort"}}, InstanceID: instance, Service: "pg", Plan: "small"}
			var got []string
			for _, l := range Rate(all.split([]Use{use}), m, m.To) {
				got = append(got, l.Price.String()+": "+l.Quantity()+" = "+l.Amount.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			// What is counted at a moment has the price of that moment, whole.
			for _, r := range c.revisions {
				hour := use
				hour.Meter, hour.Quantity, hour.ComputeBilled, hour.From, hour.To = "requests", 1000, false, r.published.Add(-30*time.Minute), r.published.Add(30*time.Minute)
				if n := len(all.split([]Use{hour})); n != 1 {
					t.Errorf("an hour of a meter has become %d", n)
				}
			}
		})
	}
}
