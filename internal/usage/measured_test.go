package usage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/store"
)

// What a zone has measured counts once, whoever sends it again: within the bounds of what
// the zone can know, of meters that the package has, and complete.
func TestMeasured(t *testing.T) {
	w := newWorld(t)
	hour := w.Clock.Now().Truncate(time.Hour).Add(-3 * time.Hour)
	fact := func(from, to time.Time, quantity int64) agentapi.Fact {
		f := w.Fact(t, w.db.ID, driver.StateRunning)
		f.Observation, f.RealAt = driver.Observation{}, w.Clock.Now()
		f.Usage = &agentapi.UsageSpan{Meter: "traffic-out", From: from, To: to, Quantity: quantity}
		return f
	}
	apply := func(zone uuid.UUID, epoch int64, f agentapi.Fact) error {
		return w.Store.System(t.Context(), func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, zone, epoch, f) })
	}
	want := func(what string, quantity int64, gaps int) {
		t.Helper()
		if m := w.meter("traffic-out"); m.Quantity != quantity || len(m.Gaps) != gaps {
			t.Errorf("%s: %d and gaps %v, want %d and %d", what, m.Quantity, m.Gaps, quantity, gaps)
		}
	}
	want("nothing was measured", 0, 1)
	first := fact(hour, hour.Add(time.Hour), 1000)
	for range 2 {
		if err := apply(w.Zone, 1, first); err != nil {
			t.Fatal(err)
		}
		want("one hour, once", 1000, 2)
	}
	if err := apply(w.Zone, 2, first); err != nil {
		t.Fatal(err)
	}
	want("again, by an agent that was enrolled anew", 1000, 2)
	if n := w.Count(t, "usage_reports"); n != 2 {
		t.Errorf("%d reports are kept", n)
	}
	for name, c := range map[string]struct {
		f    agentapi.Fact
		zone uuid.UUID
		want error
	}{
		"a meter that the package has not":   {with(fact(hour.Add(time.Hour), hour.Add(2*time.Hour), 7), func(u *agentapi.UsageSpan) { u.Meter = "heat" }), w.Zone, nil},
		"one that the provider sends":        {with(fact(hour.Add(time.Hour), hour.Add(2*time.Hour), 7), func(u *agentapi.UsageSpan) { u.Meter = "queries" }), w.Zone, nil},
		"of the future":                      {fact(w.Clock.Now().Add(time.Hour), w.Clock.Now().Add(2*time.Hour), 7), w.Zone, nil},
		"less than nothing":                  {fact(hour.Add(time.Hour), hour.Add(2*time.Hour), -7), w.Zone, instance.ErrUnknownState},
		"of two hours":                       {fact(hour.Add(time.Hour), hour.Add(3*time.Hour), 7), w.Zone, instance.ErrUnknownState},
		"of no time":                         {fact(hour.Add(time.Hour), hour.Add(time.Hour), 7), w.Zone, instance.ErrUnknownState},
		"more than a number can be":          {fact(hour.Add(time.Hour), hour.Add(2*time.Hour), 1<<60), w.Zone, instance.ErrUnknownState},
		"of an instance in another's zone":   {fact(hour.Add(time.Hour), hour.Add(2*time.Hour), 7), w.Abroad, instance.ErrNotOfZone},
		"a meter with a name that is no one": {with(fact(hour.Add(time.Hour), hour.Add(2*time.Hour), 7), func(u *agentapi.UsageSpan) { u.Meter = "a\x00b" }), w.Zone, instance.ErrUnknownState},
	} {
		if err := apply(c.zone, 1, c.f); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	want("nothing of that counts", 1000, 2)
	created := w.db.CreatedAt.Truncate(time.Hour)
	if err := apply(w.Zone, 1, fact(created.Add(-time.Minute).Truncate(time.Hour).Add(59*time.Minute), created.Add(-time.Minute).Truncate(time.Hour).Add(time.Hour), 5)); err != nil {
		t.Fatal(err)
	}
	want("before there was an instance", 1000, 2)
	if err := apply(w.Zone, 1, fact(hour.Add(-time.Hour), hour, 24)); err != nil {
		t.Fatal(err)
	}
	want("late", 1024, 2)
	now := w.Clock.Now()
	if err := apply(w.Zone, 1, fact(now, now.Add(2*time.Second), 1)); err != nil {
		t.Fatal(err)
	}
	if n := w.Count(t, "usage_marks WHERE to_at = $1", now.Add(2*time.Second)); n != 1 {
		t.Error("a zone's clock that is a little ahead leaves a gap")
	}
	want("by a clock that is a little ahead", 1025, 2)
}

func with(f agentapi.Fact, change func(*agentapi.UsageSpan)) agentapi.Fact {
	change(f.Usage)
	return f
}
