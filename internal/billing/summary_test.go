package billing_test

import (
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
)

func summary(t *testing.T, w *instancetest.World) (c api.CostSummary) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		c, err = w.CostSummary(t.Context(), tx, w.Acme, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whichever side the costs are seen from, they add up to the total, to the last
// cent, although amounts are rounded in each line.
func TestEverySideOfTheCostsAddsUp(t *testing.T) {
	w := instancetest.New(t)
	at := func(d time.Duration) { w.Machine.Set(instancetest.Start.Add(d)) }
	for i, name := range []string{"db1", "db2", "db3"} {
		at(time.Duration(i) * time.Hour)
		v := w.Order(t, name)
		at(time.Duration(i)*time.Hour + 7*time.Minute)
		w.Report(t, v.ID, driver.StateRunning)
	}
	at(50*time.Hour + 13*time.Second)
	c := summary(t, w)
	if whole := cost(t, w); c.Total != whole.Total || c.Lines != len(whole.Lines) {
		t.Errorf("the total is %v of %d lines, want %v of %d", c.Total, c.Lines, whole.Total, len(whole.Lines))
	}
	var days []api.Money
	for _, d := range c.Days {
		days = append(days, d.Amount)
	}
	if len(days) < 3 {
		t.Errorf("%d days", len(days))
	}
	for side, amounts := range map[string][]api.Money{"services": shareAmounts(c.Services), "projects": shareAmounts(c.Projects), "instances": shareAmounts(c.Instances), "days": days} {
		var sum money.Amount
		for _, a := range amounts {
			sum = sum.Add(money.MustParse(a.Amount))
		}
		if sum.String() != c.Total.Amount || c.Total.Amount == "0.00" {
			t.Errorf("the %s add up to %s, the total is %s", side, sum, c.Total.Amount)
		}
	}
	if len(c.Instances) != 3 || c.Instances[0].Name != "db1" || c.Instances[2].Name != "db3" {
		t.Errorf("not the dearest first: %v", c.Instances)
	}
}

func shareAmounts(list []api.CostShare) (all []api.Money) {
	for _, s := range list {
		all = append(all, s.Amount)
	}
	return all
}
