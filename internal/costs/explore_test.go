package costs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/costs"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/money"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// explore asks for costs from one side.
func explore(t *testing.T, w *instancetest.World, by, from, to string, f costs.Filter) costs.Report {
	t.Helper()
	var r costs.Report
	err := w.As(t, w.Acme, func(tx store.Tx) error {
		running, err := costs.Now(t.Context(), tx, w.Acme.Organization, w.Clock.Now())
		if err != nil {
			return err
		}
		months, err := costs.Months(from, to, running)
		if err != nil {
			return err
		}
		r, err = costs.Explore(t.Context(), tx, costs.Query{Organization: w.Acme.Organization, By: by, Months: months, Filter: f}, w.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatalf("by %s: %v", by, err)
	}
	return r
}

func sum(groups []costs.Group) (amount, forecast money.Amount) {
	for _, g := range groups {
		amount, forecast = amount.Add(g.Amount), forecast.Add(g.Forecast)
	}
	return amount, forecast
}

// lived is a world in which three instances have run over the end of a month.
func lived(t *testing.T) *instancetest.World {
	w := instancetest.New(t)
	at := func(d time.Duration) { w.Machine.Set(instancetest.Start.Add(d)) }
	for i, name := range []string{"db1", "db2", "db3"} {
		at(time.Duration(i) * time.Hour)
		o := instancetest.Order(name)
		o.Metadata.Labels = map[string]string{"team": []string{"web", "shop", "web"}[i]}
		v, err := w.Do(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
			return w.Service.Order(ctx, tx, p, o)
		})
		if err != nil {
			t.Fatal(err)
		}
		at(time.Duration(i)*time.Hour + 7*time.Minute)
		w.Report(t, v.ID, driver.StateRunning)
	}
	at(50*time.Hour + 13*time.Second)
	w.Act(t, "db2", w.Suspend)
	put := instancetest.Put(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "medium", 20 })
	put.Metadata.Labels = map[string]string{"team": "web"}
	w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Update(ctx, tx, p, "db3", put, instancetest.AnyVersion)
	})
	return w
}

var everySide = []string{costs.ByService, costs.ByPlan, costs.ByProject, costs.ByZone, costs.ByInstance, costs.ByItem, costs.ByDay, costs.ByMonth, "label=team", "label=nothing"}

// From whichever side, what months have cost adds up to the same total, to the last cent,
// and to that of billing.
func TestEverySideAddsUpToTheTotal(t *testing.T) {
	w := lived(t)
	for _, after := range []time.Duration{51 * time.Hour, 400*time.Hour + 7*time.Second, 1100*time.Hour + 1*time.Second} {
		w.Machine.Set(instancetest.Start.Add(after))
		total := explore(t, w, costs.ByService, "2026-03", "", costs.Filter{})
		if total.Total.IsZero() || total.Forecast.Cmp(total.Total) <= 0 || !total.Running {
			t.Fatalf("after %s: %+v", after, total)
		}
		for _, by := range everySide {
			r := explore(t, w, by, "2026-03", "", costs.Filter{})
			amount, forecast := sum(r.Groups)
			if amount.Cmp(total.Total) != 0 || r.Total.Cmp(total.Total) != 0 || by != costs.ByDay && forecast.Cmp(total.Forecast) != 0 {
				t.Errorf("after %s, by %s: %s and %s, the total is %s and %s", after, by, amount, forecast, total.Total, total.Forecast)
			}
			var days money.Amount
			for _, d := range r.Days {
				days = days.Add(d.Amount)
			}
			if days.Cmp(total.Total) != 0 {
				t.Errorf("after %s, by %s: the days add up to %s, not to %s", after, by, days, total.Total)
			}
		}
		// So do the parts that filters choose.
		for _, parts := range [][]costs.Filter{
			{{Instance: "db1"}, {Instance: "db2"}, {Instance: "db3"}}, {{Plan: "small"}, {Plan: "medium"}}, {{Item: "compute"}, {Item: "storage"}},
			{{Labels: map[string]string{"team": "web"}}, {Labels: map[string]string{"team": "shop"}}}, {{Zone: "local"}, {Zone: "elsewhere"}},
		} {
			var amount, forecast money.Amount
			byDay := map[string]money.Amount{}
			for _, f := range parts {
				r := explore(t, w, costs.ByDay, "2026-03", "", f)
				amount, forecast = amount.Add(r.Total), forecast.Add(r.Forecast)
				for _, d := range r.Days {
					byDay[d.Date] = byDay[d.Date].Add(d.Amount)
				}
			}
			if amount.Cmp(total.Total) != 0 || forecast.Cmp(total.Forecast) != 0 {
				t.Errorf("after %s: the parts of %+v add up to %s and %s", after, parts[0], amount, forecast)
			}
			for _, d := range total.Days { // each day of the parts is that of the whole
				if byDay[d.Date].Cmp(d.Amount) != 0 {
					t.Errorf("after %s: the parts of %+v add up to %s on %s, not to %s", after, parts[0], byDay[d.Date], d.Date, d.Amount)
				}
			}
		}
	}
}

// The forecast is what the month has cost when it ends, provided that nothing changes.
func TestTheForecastComesTrue(t *testing.T) {
	w := lived(t)
	first := explore(t, w, costs.ByInstance, "", "", costs.Filter{})
	w.Machine.Set(time.Date(2026, 4, 2, 8, 0, 0, 0, time.UTC))
	last := explore(t, w, costs.ByInstance, "2026-03", "2026-03", costs.Filter{})
	if last.Running || last.Total.Cmp(first.Forecast) != 0 || last.Total.Cmp(last.Forecast) != 0 {
		t.Errorf("the forecast was %s, and %s it was (%+v)", first.Forecast, last.Total, last)
	}
	for _, g := range last.Groups {
		for _, f := range first.Groups {
			if f.Name == g.Name && f.Forecast.Cmp(g.Amount) != 0 {
				t.Errorf("%s: the forecast was %s, and %s it was", g.Name, f.Forecast, g.Amount)
			}
		}
	}
}

// A day that is over costs the same whenever it is asked for.
func TestADayThatIsOverDoesNotChange(t *testing.T) {
	w := lived(t)
	known := map[string]money.Amount{}
	for range 8 {
		w.Machine.Set(w.Machine.Now().Add(31*time.Hour + 11*time.Minute))
		days := explore(t, w, costs.ByDay, "", "", costs.Filter{}).Days
		for _, d := range days[:len(days)-1] {
			if before, found := known[d.Date]; found && before.Cmp(d.Amount) != 0 {
				t.Errorf("%s has cost %s, and later %s", d.Date, before, d.Amount)
			}
			known[d.Date] = d.Amount
		}
	}
}

func TestMonths(t *testing.T) {
	running := billing.MonthOf(time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC), instancetest.Zurich) // December has begun there
	for _, c := range []struct{ from, to, want, field string }{
		{"", "", "[2026-12]", ""}, {"2026-11", "", "[2026-11 2026-12]", ""}, {"", "2026-03", "[2026-03]", ""}, {"2025-12", "2026-02", "[2025-12 2026-01 2026-02]", ""},
		{"2026-13", "", "", "from"}, {"", "2027-01", "", "to"}, {"2026-11", "2026-10", "", "to"}, {"2024-01", "2026-01", "", "from"}, {"0001-01", "0001-01", "", "to"}, {"x", "", "", "from"},
	} {
		months, err := costs.Months(c.from, c.to, running)
		var wrong *costs.MonthError
		if errors.As(err, &wrong) && wrong.Field == c.field && c.field != "" {
			continue
		}
		if got := fmt.Sprint(months); err != nil || got != c.want {
			t.Errorf("from %q to %q: %s, %v; want %s", c.from, c.to, got, err, c.want)
		}
	}
}

func TestSides(t *testing.T) {
	for _, by := range everySide {
		if err := costs.CheckSide(by); err != nil {
			t.Errorf("%s: %v", by, err)
		}
	}
	for _, by := range []string{"", "label", "label=", "provider", "Service"} {
		if costs.CheckSide(by) == nil {
			t.Errorf("%q is taken", by)
		}
	}
}
