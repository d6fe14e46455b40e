package instance_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// stuck are those that the operator finds, by name, when the zone's agent was
// heard of so long ago.
func stuck(t *testing.T, w *instancetest.World, silent time.Duration, id uuid.UUID) map[string]api.Stuck {
	t.Helper()
	found := map[string]api.Stuck{}
	real := time.Now()
	w.System(t, func(tx store.Tx) error {
		if _, err := tx.Exec(t.Context(), "UPDATE zone_agents SET last_seen_real = $1", real.Add(-silent)); err != nil {
			return err
		}
		list, err := w.Stuck(t.Context(), tx, id, real)
		for _, s := range list {
			found[s.Instance.Metadata.Name] = s
		}
		return err
	})
	return found
}

func TestStuck(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "fine")
	waiting := w.Order(t, "waiting")
	suspended := w.Ready(t, "suspended")
	w.Act(t, suspended.Name, w.Suspend)
	broken := w.Ready(t, "broken")
	blocked := func(name string, by string, state driver.State) {
		v := w.Order(t, name)
		f := w.Fact(t, v.ID, state)
		f.Observation.BlockedBy, f.Observation.Message = by, "Because of "+by+"."
		w.Apply(t, f)
	}
	blocked("theirs", "you", driver.StateCreating)
	blocked("ours", "operator", driver.StateCreating)
	blocked("full", "capacity", driver.StateCreating)
	if got := stuck(t, w, 0, uuid.Nil); len(got) != 0 {
		t.Errorf("at once there are %v", got)
	}
	w.Machine.Advance(3 * time.Minute)
	w.Report(t, broken.ID, driver.StateFailed)
	check := func(silent time.Duration, want map[string][2]string) {
		t.Helper()
		got := stuck(t, w, silent, uuid.Nil)
		for name, c := range want {
			if s := got[name]; s.Cause != c[0] || s.Actor != c[1] || s.Message == "" {
				t.Errorf("%s: %s, %s has to act: %q; want %v", name, s.Cause, s.Actor, s.Message, c)
			}
		}
		if len(got) != len(want) {
			t.Errorf("there are %d, want %d: %v", len(got), len(want), got)
		}
	}
	want := map[string][2]string{
		"waiting": {"slow", "operator"}, "theirs": {"customer", "customer"}, "ours": {"blocked", "operator"}, "full": {"capacity", "operator"}, "broken": {"failed", "operator"},
	}
	check(0, want)
	if s := stuck(t, w, 0, uuid.Nil)["broken"]; !s.Since.Equal(w.Clock.Now()) {
		t.Errorf("broken since %s, not since it broke", s.Since)
	}
	if got := stuck(t, w, 0, waiting.ID); len(got) != 1 || got["waiting"].Cause == "" {
		t.Errorf("asked for one: %v", got)
	}
	w.Machine.Advance(10 * time.Minute)
	want["suspended"] = [2]string{"slow", "operator"}
	check(0, want)
	// Who runs the zone has to see to it.
	w.Superuser(t, false, "UPDATE providers SET kind = 'csp'")
	for name := range want {
		want[name] = [2]string{"zone-away", "provider"}
	}
	check(time.Hour, want)
	w.Report(t, waiting.ID, driver.StateRunning)
	delete(want, "waiting")
	check(time.Hour, want)
}
