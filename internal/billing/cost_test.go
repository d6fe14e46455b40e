package billing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

func cost(t *testing.T, w *instancetest.World) (c api.Cost) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		c, err = w.Cost(t.Context(), tx, w.Acme, nil, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func lines(c api.Cost) string {
	var out []string
	for _, l := range c.Lines {
		out = append(out, fmt.Sprintf("%s %s %s: %s s, %s", l.Instance, l.Plan, l.Item, l.Seconds, l.Amount.Amount))
	}
	return strings.Join(out, "\n")
}

// The cost of a life, worked out by hand. March 2026 in Zurich has 743 hours,
// 2,674,800 seconds, for its clocks go forward.
func TestCostOfAMonthByHand(t *testing.T) {
	w := instancetest.New(t)
	at := func(d time.Duration) { w.Machine.Set(instancetest.Start.Add(d)) }
	v := w.Order(t, "db1")
	at(30 * time.Second)
	w.Report(t, v.ID, driver.StateRunning)
	at(9 * time.Hour)
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "medium", 20 }))
	at(10 * time.Hour)
	w.Report(t, v.ID, driver.StateRunning)
	at(20 * time.Hour)
	w.Act(t, "db1", w.Suspend)
	at(30 * time.Hour)
	w.Act(t, "db1", w.Resume)
	at(30*time.Hour + 10*time.Second)
	w.Report(t, v.ID, driver.StateRunning)
	at(40 * time.Hour)
	w.Act(t, "db1", w.Delete)
	at(50 * time.Hour)

	// small:   30 s … 10 h            = 35,970 s × 0.02/h            = 0.19983…
	// medium:  10 h … 20 h, 30 h 10 s … 40 h = 71,990 s × 0.04/h     = 0.79988…
	// storage: 10 GiB × 35,970 s  × 0.20 / 2,674,800 s               = 0.02689…
	//          20 GiB × 144,000 s × 0.20 / 2,674,800 s               = 0.21534…
	c := cost(t, w)
	want := "db1 medium compute: 71990.00 s, 0.80\ndb1 small compute: 35970.00 s, 0.20\ndb1 medium storage: 144000.00 s, 0.22\ndb1 small storage: 35970.00 s, 0.03"
	if lines(c) != want || c.Total.Amount != "1.25" || c.Month != "2026-03" {
		t.Errorf("%s\ntotal %s of %s; want\n%s\ntotal 1.25", lines(c), c.Total.Amount, c.Month, want)
	}
	mustBeClean(t, w)
}

// A month ends at midnight in the billing account's time zone, and what comes
// after is the next one's.
func TestCostAcrossMonths(t *testing.T) {
	w := instancetest.New(t)
	w.Machine.Set(time.Date(2026, 3, 31, 20, 0, 0, 0, time.UTC)) // ten at night in Zurich
	w.Ready(t, "db1")
	for _, c := range []struct {
		until time.Time
		month string
		want  string
	}{
		// 2 hours less a microsecond; 10 GiB × 7,200 s × 0.20 / 2,674,800 s = 0.0053…
		{time.Date(2026, 3, 31, 21, 59, 59, 999999000, time.UTC), "2026-03", "db1 small compute: 7199.999999 s, 0.04\ndb1 small storage: 7199.999999 s, 0.01"},
		{time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC), "2026-04", ""},
		// half an hour; 10 GiB × 1,800 s × 0.20 / 2,592,000 s = 0.0013…
		{time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC), "2026-04", "db1 small compute: 1800.00 s, 0.01\ndb1 small storage: 1800.00 s, 0.00"},
		{time.Date(2026, 4, 30, 21, 59, 59, 999999000, time.UTC), "2026-04", "db1 small compute: 2591999.999999 s, 14.40\ndb1 small storage: 2591999.999999 s, 2.00"},
	} {
		w.Machine.Set(c.until)
		if got := cost(t, w); lines(got) != c.want || got.Month != c.month {
			t.Errorf("until %s: %s\n%s\nwant %s\n%s", c.until, got.Month, lines(got), c.month, c.want)
		}
	}
}
