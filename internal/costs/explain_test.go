package costs_test

import (
	"fmt"
	"math/big"
	"testing"
	"time"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/costs"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/usage"
)

// metered is a World with an instance whose service has a meter, at CHF 1 a thousand up to
// four thousand, and then half of that.
func metered(t *testing.T) (w *instancetest.World, db instance.View, send func(id string, hour time.Time, quantity int64)) {
	t.Helper()
	w = instancetest.New(t)
	w.Publish(t, append(instancetest.Prices(), catalog.PriceEntry{Service: "postgresql", ServiceLevel: "best-effort", Item: "queries", Unit: "thousand", Amount: "1", Mode: "graduated",
		Tiers: []api.PriceTier{{UpTo: 4, Amount: "1"}, {Amount: "0.5"}}}), instancetest.Metered())
	db = w.Ready(t, "db1")
	return w, db, func(id string, hour time.Time, quantity int64) {
		e := usage.Event{Source: "/app", ID: id, Subject: db.ID.String(), Meter: "queries", Report: usage.Report{From: hour, To: hour.Add(time.Hour), Quantity: &quantity, Complete: true}}
		w.System(t, func(tx store.Tx) error {
			_, err := usage.Keeper{Catalog: w.Service.Catalog}.Take(t.Context(), tx, w.Operator, []usage.Event{e}, w.Clock.Now())
			return err
		})
	}
}

// What a meter counted opens to its hours, and these to their events, as they were known at
// a watermark; and what is not known is said of what is looked at.
func TestMetersAreExplained(t *testing.T) {
	w, db, send := metered(t)
	begin := w.Clock.Now().UTC().Truncate(time.Hour)
	w.Machine.Advance(5 * time.Hour)
	send("a", begin, 1500)
	send("b", begin.Add(time.Hour), 3000)
	known := w.Clock.Now()
	w.Machine.Advance(time.Minute)
	send("c", begin.Add(time.Hour), 500) // late
	month := billing.MonthOf(begin, time.UTC)
	look := func(watermark time.Time) (out []string) {
		err := w.As(t, w.Acme, func(tx store.Tx) error {
			at := costs.Known{Filter: billing.Filter{Organization: w.Acme.Organization}, Month: month, Until: w.Clock.Now(), Watermark: watermark}
			lines, err := billing.Charges(t.Context(), tx, at.Filter, month, at.Until, watermark)
			if err != nil {
				return err
			}
			for _, l := range lines {
				if l.Item != "queries" {
					continue
				}
				e, err := costs.Explain(t.Context(), tx, at, nil, l.Key(), costs.Slice{Limit: 100})
				if err != nil {
					return err
				}
				sum := new(big.Rat)
				for _, p := range e.Parts {
					share, _ := new(big.Rat).SetString(p.Share)
					sum.Add(sum, share)
					out = append(out, fmt.Sprintf("%d %s %d %d %s", l.Tier, p.From.Sub(begin), p.Quantity, p.Events, p.Used))
				}
				if sum.FloatString(12) != e.Now.Unrounded {
					t.Errorf("the shares come to %s, not to %s", sum.FloatString(12), e.Now.Unrounded)
				}
			}
			events, err := usage.Events(t.Context(), tx, usage.Counted{Organization: w.Acme.Organization, Instance: db.ID, Project: &w.Acme.Project, Meter: "queries", Hour: begin.Add(time.Hour), Watermark: watermark, Limit: 10})
			for _, e := range events {
				out = append(out, fmt.Sprintf("%s %d", e.ID, e.Quantity))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got, want := fmt.Sprint(look(known)), "[1 0s 1500 1 1500 1 1h0m0s 3000 1 2500 2 1h0m0s 3000 1 500 b 3000]"; got != want {
		t.Errorf("as known then: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(look(time.Time{})), "[1 0s 1500 1 1500 1 1h0m0s 3500 2 2500 2 1h0m0s 3500 2 1000 b 3000 c 500]"; got != want {
		t.Errorf("as known now: %s, want %s", got, want)
	}
	for item, want := range map[string]int{"": 1, "queries": 1, "storage": 0} {
		r := explore(t, w, costs.ByItem, "", "", costs.Filter{Item: item})
		if len(r.Gaps) != want {
			t.Errorf("of %q: gaps %v, want %d", item, r.Gaps, want)
		}
		if item == "queries" && (r.Forecast.Cmp(r.Total) <= 0 || costs.Gaps(r.Gaps).Count != 1) {
			t.Errorf("forecast %s of %s", r.Forecast, r.Total)
		}
	}
	if costs.Gaps(nil) != nil {
		t.Error("there are gaps where there are none")
	}
}
