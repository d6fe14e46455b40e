package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/services/postgresql"
)

// modelled is a World with prices of all kinds.
func modelled(t *testing.T) *instancetest.World {
	t.Helper()
	w := instancetest.New(t)
	prices := instancetest.Prices()
	storage := &prices[len(prices)-1]
	storage.Mode, storage.Tiers = "graduated", []api.PriceTier{{UpTo: 10, Amount: "0.20"}, {Amount: "0.10"}}
	prices[0].Minimum = "3"
	setup := api.ListPrice{Service: "postgresql", ServiceLevel: "best-effort", Item: "setup", Unit: "once", Amount: "25"}
	w.Publish(t, append(prices, setup), postgresql.Package().Definition)
	return w
}

func modelLines(c api.Cost) (all []string) {
	for _, l := range c.Lines {
		all = append(all, fmt.Sprintf("%s %s%s %d: %s × %s = %s", l.Instance, l.Item, l.Of, l.Tier, l.Quantity, l.Price.Amount, l.Amount.Amount))
	}
	return all
}

// Tiers, minimum and setup of a life, worked out by hand. April 2026 has 720 hours.
func TestPriceModelsOfALife(t *testing.T) {
	w := modelled(t)
	start := time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC) // midnight in Zurich
	w.Machine.Set(start)
	v := w.Ready(t, "db1", func(s *api.InstanceSpec) { s.StorageGiB = 30 })
	w.Machine.Set(start.Add(72 * time.Hour))
	want := []string{
		"db1 compute 0: 72.00 × 0.02 = 1.44",
		"db1 storage 1: 3.00 × 0.20 = 0.60", // 30 GiB for a tenth of the month: below 10 of its units
		"db1 setup 0: 1.00 × 25.00 = 25.00",
	}
	if got := modelLines(cost(t, w)); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	w.Act(t, "db1", w.Suspend)
	w.Machine.Set(start.Add(720*time.Hour - time.Microsecond))
	want = []string{
		"db1 compute 0: 72.00 × 0.02 = 1.44", // of 3.00 a month a tenth: the minimum is reached
		"db1 storage 1: 10.00 × 0.20 = 2.00",
		"db1 storage 2: 20.00 × 0.10 = 2.00",
		"db1 setup 0: 1.00 × 25.00 = 25.00",
	}
	if got := modelLines(cost(t, w)); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	// The next month: deleted, undeleted and ready again, and not set up again.
	w.Machine.Set(start.Add(721 * time.Hour))
	w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Undelete)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	for _, l := range cost(t, w).Lines {
		if l.Item == "setup" {
			t.Errorf("set up twice: %+v", l)
		}
	}
	mustBeClean(t, w)
}

// Undeleted within the month in which it was set up: once.
func TestSetupIsChargedOnceAcrossUndelete(t *testing.T) {
	w := modelled(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Undelete)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	n := 0
	for _, l := range cost(t, w).Lines {
		if l.Item == "setup" {
			n++
			if l.Amount.Amount != "25.00" {
				t.Errorf("%+v", l)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d lines of setup", n)
	}
}

// What is left of a minimum is a line that says what it is for.
func TestMinimumOfAPart(t *testing.T) {
	w := modelled(t)
	start := time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC)
	w.Machine.Set(start)
	w.Superuser(t, true, "UPDATE prices SET minimum = 30 WHERE minimum > 0")
	w.Ready(t, "db1")
	w.Machine.Set(start.Add(72 * time.Hour))
	if got := modelLines(cost(t, w)); !slices.Contains(got, "db1 minimumcompute 0: 1.00 × 1.56 = 1.56") { // 3.00 − 1.44
		t.Errorf("%q", got)
	}
}
