package billing_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/usage"
)

// counting is a World whose service has a meter, at CHF 2 a thousand.
func counting(t *testing.T) (w *instancetest.World, db instance.View) {
	t.Helper()
	w = instancetest.New(t)
	w.Publish(t, append(instancetest.Prices(), catalog.PriceEntry{Service: "postgresql", ServiceLevel: "best-effort", Item: "queries", Unit: "thousand", Amount: "2"}), instancetest.Metered())
	return w, w.Ready(t, "db1")
}

// send reports usage of the hour that begins then; complete says that nothing lacks.
func send(t *testing.T, w *instancetest.World, db instance.View, hour time.Time, quantity int64, complete bool) {
	t.Helper()
	e := usage.Event{Source: "/app", ID: uuid.NewString(), Subject: db.ID.String(), Meter: "queries", Report: usage.Report{From: hour, To: hour.Add(time.Hour), Quantity: &quantity, Complete: complete}}
	w.System(t, func(tx store.Tx) error {
		_, err := usage.Keeper{Catalog: w.Service.Catalog}.Take(t.Context(), tx, w.Operator, []usage.Event{e}, w.Clock.Now())
		return err
	})
}

// What a meter has counted is billed at its price, as it was known at the watermark,
// on the plan that was in force; and what is not known is said.
func TestUsageIsBilled(t *testing.T) {
	w, db := counting(t)
	begin := w.Clock.Now().Truncate(time.Hour)
	month := billing.MonthOf(begin, time.UTC)
	of := billing.Filter{Organization: w.Acme.Organization}
	lines := func(until, watermark time.Time) (out []string, gaps []billing.Gap) {
		w.System(t, func(tx store.Tx) error {
			all, err := billing.Charges(t.Context(), tx, of, month, until, watermark)
			if err != nil {
				return err
			}
			for _, l := range all {
				if l.Item == "queries" {
					out = append(out, l.Plan+" "+l.Quantity()+" "+string(l.Unit)+" "+l.Amount.String())
				}
			}
			gaps, err = billing.Gaps(t.Context(), tx, of, month, until, watermark)
			return err
		})
		return out, gaps
	}
	want := func(until, watermark time.Time, gaps int, want ...string) {
		t.Helper()
		got, missing := lines(until, watermark)
		if !slices.Equal(got, want) || len(missing) != gaps {
			t.Errorf("lines %q, want %q; gaps %v, want %d", got, want, missing, gaps)
		}
	}
	w.Machine.Advance(3 * time.Hour)
	want(w.Clock.Now(), time.Time{}, 1)
	send(t, w, db, begin, 1500, true)
	want(w.Clock.Now(), time.Time{}, 1, "small 1.50 thousand 3.00")
	send(t, w, db, begin.Add(time.Hour), 0, true)
	want(w.Clock.Now(), time.Time{}, 0, "small 1.50 thousand 3.00")
	first := w.Clock.Now()
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" }))
	w.Report(t, db.ID, driver.StateRunning)
	w.Machine.Advance(2 * time.Hour)
	send(t, w, db, begin, 500, false)                 // late
	send(t, w, db, begin.Add(4*time.Hour), 250, true) // on the new plan
	want(w.Clock.Now(), first, 0, "small 1.50 thousand 3.00")
	want(w.Clock.Now(), time.Time{}, 1, "medium 0.25 thousand 0.50", "small 2.00 thousand 4.00")
	w.Act(t, "db1", w.Suspend)
	w.Machine.Advance(40 * 24 * time.Hour)
	want(month.To, time.Time{}, 1, "medium 0.25 thousand 0.50", "small 2.00 thousand 4.00")
	want(month.To, first, 0, "small 1.50 thousand 3.00")
}

// Gaps and what covers them are the whole, and no moment is in both.
func TestMissingIsTheRest(t *testing.T) {
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	rapid.Check(t, func(t *rapid.T) {
		spans := func(name string) (out []billing.Span) {
			for range rapid.IntRange(0, 5).Draw(t, name) {
				from := rapid.IntRange(0, 20).Draw(t, "from")
				out = append(out, billing.Span{From: at(from), To: at(from + rapid.IntRange(1, 6).Draw(t, "length"))})
			}
			return out
		}
		in := func(list []billing.Span, m time.Time) bool {
			return slices.ContainsFunc(list, func(s billing.Span) bool { return !m.Before(s.From) && m.Before(s.To) })
		}
		of, covered := spans("of"), spans("covered")
		missing := billing.Missing(of, covered)
		for n := range 30 {
			if want := in(of, at(n)) && !in(covered, at(n)); in(missing, at(n)) != want {
				t.Fatalf("%d: of %v covered %v: %v", n, of, covered, missing)
			}
		}
		for n := 1; n < len(missing); n++ {
			if !missing[n-1].To.Before(missing[n].From) {
				t.Fatalf("they touch: %v", missing)
			}
		}
	})
}

// What meters count goes on in the forecast as on average in the hours that are complete;
// without any nothing is made up, and what an incomplete hour has counted is in it once.
func TestForecastOfMeters(t *testing.T) {
	w, db := counting(t)
	begin := w.Clock.Now().Truncate(time.Hour)
	month := billing.MonthOf(begin, time.UTC)
	of := billing.Filter{Organization: w.Acme.Organization}
	want := func(when, lines, forecast string, gaps int) {
		t.Helper()
		w.System(t, func(tx store.Tx) error {
			course, err := billing.CourseOf(t.Context(), tx, of, month)
			if err != nil {
				return err
			}
			now := w.Clock.Now()
			quantity := func(all []billing.Line) string {
				for _, l := range all {
					if l.Item == "queries" {
						return l.Quantity()
					}
				}
				return ""
			}
			if is, will := quantity(course.Lines(now)), quantity(course.Forecast(now)); is != lines || will != forecast || len(course.Gaps(now)) != gaps {
				t.Errorf("%s: %q and forecast %q, want %q and %q; gaps %v, want %d", when, is, will, lines, forecast, course.Gaps(now), gaps)
			}
			return nil
		})
	}
	w.Machine.Advance(4 * time.Hour)
	want("nothing is known", "", "", 1)
	send(t, w, db, begin, 1500, true)
	send(t, w, db, begin.Add(time.Hour), 500, true)
	send(t, w, db, begin.Add(2*time.Hour), 4000, false)
	hours := int(month.To.Sub(begin) / time.Hour)
	want("1000 an hour", "6.00", fmt.Sprintf("%d.00", hours), 1)
	send(t, w, db, begin.Add(2*time.Hour), 0, true)
	want("2000 an hour", "6.00", fmt.Sprintf("%d.00", 2*hours), 0)
	w.Act(t, "db1", w.Suspend)
	w.Machine.Advance(time.Hour)
	want("it does not run any more", "6.00", "6.00", 1)
	w.Machine.Advance(40 * 24 * time.Hour)
	want("the month is over", "6.00", "6.00", 1)
}
