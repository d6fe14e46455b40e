package instance_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// sliFact takes in for how long the zone found an instance in a state.
func sliFact(t *testing.T, w *instancetest.World, v instance.View, state agentapi.SLIState, from, to time.Time) {
	t.Helper()
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.Observation, f.RealAt, f.SLI = driver.Observation{}, w.Clock.Now(), &agentapi.SLISpan{From: from, To: to, State: state}
	for range 2 { // what was taken in before changes nothing
		w.System(t, func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, v.ZoneID, 1, f) })
	}
	if n := w.Count(t, "sli_intervals WHERE sequence = $1", f.Sequence); n != 1 {
		t.Errorf("the interval is there %d times", n)
	}
}

// What a zone says of availability is kept within what was known before and the
// receipt: nothing overlaps, lies in the future, or changes what was recorded.
func TestAvailabilityIsRecordedOnceAndWithinBounds(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	base := w.Clock.Now()
	w.Machine.Advance(time.Hour)
	at := func(minutes int) time.Time { return base.Add(time.Duration(minutes) * time.Minute) }
	sliFact(t, w, v, agentapi.SLIUp, at(-600), at(10)) // before there was an instance
	sliFact(t, w, v, agentapi.SLIDown, at(10), at(12))
	sliFact(t, w, v, agentapi.SLIUp, at(5), at(20))      // some of it was said before
	sliFact(t, w, v, agentapi.SLIDown, at(3), at(15))    // all of it was
	sliFact(t, w, v, agentapi.SLIUp, at(30), at(10_000)) // lies in the future
	type row struct {
		state    string
		from, to time.Time
	}
	var got []row
	w.Query(t, "SELECT state, from_at, to_at FROM sli_intervals ORDER BY sequence", func(rows pgx.Rows) error {
		var r row
		err := rows.Scan(&r.state, &r.from, &r.to)
		got = append(got, r)
		return err
	})
	want := []row{{"up", v.CreatedAt, at(10)}, {"down", at(10), at(12)}, {"up", at(12), at(20)}, {"down", at(20), at(20)}, {"up", at(30), at(60)}}
	for i, r := range want {
		if i >= len(got) || got[i].state != r.state || !got[i].from.Equal(r.from) || !got[i].to.Equal(r.to) {
			t.Fatalf("recorded %v, want %v", got, want)
		}
	}
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.SLI = &agentapi.SLISpan{From: at(1), To: at(2), State: "perhaps"}
	var err error
	w.System(t, func(tx store.Tx) error { err = w.Service.Apply(t.Context(), tx, v.ZoneID, 1, f); return nil })
	if err != instance.ErrUnknownState {
		t.Errorf("a state that is none: %v", err)
	}
}
