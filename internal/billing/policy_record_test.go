package billing_test

import (
	"bytes"
	"testing"
	"time"

	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/services/postgresql"
)

// reprice publishes a price of the compute of small instances, by a policy.
func reprice(t *testing.T, w *instancetest.World, amount string, policy billing.Policy) {
	t.Helper()
	prices := instancetest.Prices()
	prices[0].Amount = amount
	w.Publish(t, prices, postgresql.Package().Definition)
	w.Superuser(t, true, "UPDATE price_list_revisions SET policy = $1 WHERE revision = (SELECT max(revision) FROM price_list_revisions)", string(policy))
}

// computed are what compute costs in the month of until, line by line.
func computed(t *testing.T, w *instancetest.World, until, watermark time.Time) (out []string) {
	t.Helper()
	for _, l := range charged(t, w, nil, until, watermark) {
		if l.Item == billing.ItemCompute {
			out = append(out, l.Instance+" "+l.Price.String()+" "+l.Quantity())
		}
	}
	return out
}

// What runs has new prices from when they begin; what is published after a watermark is not
// seen at it, and an order that was open keeps what it was shown. The instance itself, and
// what it will cost, say so.
func TestPriceChangesAtAWatermark(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1")
	open := w.Order(t, "open")
	begun := w.Clock.Now()
	w.Machine.Advance(10 * time.Hour)
	before := charges(t, w, nil, begun.Add(30*time.Hour), w.Clock.Now())
	watermark := w.Clock.Now()
	w.Machine.Advance(time.Second)
	reprice(t, w, "0.03", billing.PolicyNow)
	w.Machine.Advance(10*time.Hour - time.Second)
	w.Report(t, open.ID, driver.StateRunning)
	reprice(t, w, "0.05", billing.PolicyNextPeriod)
	w.Machine.Advance(10 * time.Hour)
	for n, want := range []string{"db1 0.02 10.000278", "db1 0.03 19.999722", "open 0.02 10.00"} {
		if got := computed(t, w, begun.Add(30*time.Hour), time.Time{}); len(got) != 3 || got[n] != want {
			t.Errorf("%q lacks %q", got, want)
		}
	}
	if again := charges(t, w, nil, begun.Add(30*time.Hour), watermark); !bytes.Equal(again, before) {
		t.Errorf("the run saw\n%s\nand now it sees\n%s", before, again)
	}
	if err := w.As(t, w.Acme, func(tx store.Tx) error {
		cost, err := w.InstanceCost(t.Context(), tx, w.Acme, "db1")
		if len(cost.Coming) != 1 || cost.Coming[0].PriceList != 3 || cost.Coming[0].From.In(time.UTC).Format(time.DateTime) != "2026-03-31 22:00:00" || cost.Coming[0].Price.Month.Amount != "38.00" {
			t.Errorf("what comes is %+v", cost.Coming)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	w.Machine.Set(time.Date(2026, 4, 1, 22, 0, 0, 0, time.UTC)) // a day of April is over
	for n, want := range []string{"db1 0.05 24.00", "open 0.05 24.00"} {
		if got := computed(t, w, w.Clock.Now(), time.Time{}); len(got) != 2 || got[n] != want {
			t.Errorf("in April: %q lacks %q", got, want)
		}
	}
	mustBeClean(t, w)
}
