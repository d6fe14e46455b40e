package instance_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

func TestPhasesFollowFacts(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	for _, c := range []struct {
		state driver.State
		phase string
	}{
		{driver.StateCreating, "Provisioning"}, {driver.StateRunning, "Ready"}, {driver.StateDegraded, "Degraded"},
		{driver.StateFailed, "Failed"}, {driver.StateStopped, "Updating"}, {driver.StateRunning, "Ready"},
	} {
		w.Machine.Advance(time.Second)
		if got := w.Report(t, v.ID, c.state); got.Phase != c.phase {
			t.Errorf("reported %s, became %s, want %s", c.state, got.Phase, c.phase)
		}
	}
	if n := w.Count(t, "instance_events WHERE kind = 'phase'"); n != 6 {
		t.Errorf("%d phases in the timeline", n)
	}
}

// A report is no change of the user's: the version, which is the ETag, and the
// generation stay, so that no update becomes stale.
func TestFactsLeaveTheVersionAlone(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	for _, s := range []driver.State{driver.StateCreating, driver.StateRunning, driver.StateFailed} {
		got := w.Report(t, v.ID, s)
		if got.Version != v.Version || got.Generation != v.Generation || !got.UpdatedAt.Equal(v.UpdatedAt) {
			t.Errorf("%s made it version %d, generation %d, updated at %s", s, got.Version, got.Generation, got.UpdatedAt)
		}
	}
}

func TestRepeatedFactChangesNothing(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	first := w.Fact(t, v.ID, driver.StateRunning)
	w.Apply(t, first)
	w.Report(t, v.ID, driver.StateDegraded)
	before := w.Snapshot(t)
	w.Machine.Advance(time.Hour)
	w.Apply(t, first, first)
	unchanged(t, w, before)
}

// A fact that says what the one before said is kept, and is told to nobody but
// watchers: no link, no event.
func TestSameStateAgainIsNoTransition(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	before := w.Snapshot(t)
	w.Machine.Advance(time.Hour)
	w.Report(t, v.ID, driver.StateRunning)
	changesOnly(t, w, before, "facts", "instances", "changes")
	if n := w.Count(t, "facts WHERE NOT transition"); n != 1 {
		t.Error("it counts as a transition")
	}
}

func TestFactsThatAreNotForTheZoneOrUnknown(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	good := w.Fact(t, v.ID, driver.StateRunning)
	for _, c := range []struct {
		what string
		zone uuid.UUID
		f    func(*agentapi.Fact)
		want error
	}{
		{"another zone's instance", w.Abroad, func(*agentapi.Fact) {}, instance.ErrNotOfZone},
		{"an instance that does not exist", w.Zone, func(f *agentapi.Fact) { f.InstanceID = uuid.NewString() }, instance.ErrNotOfZone},
		{"an instance ID that is none", w.Zone, func(f *agentapi.Fact) { f.InstanceID = "'; DROP TABLE facts; --" }, instance.ErrNotOfZone},
		{"a state that nobody knows", w.Zone, func(f *agentapi.Fact) { f.Observation.State = "dancing" }, instance.ErrUnknownState},
		{"no state", w.Zone, func(f *agentapi.Fact) { f.Observation.State = "" }, instance.ErrUnknownState},
	} {
		t.Run(c.what, func(t *testing.T) {
			before, f := w.Snapshot(t), good
			c.f(&f)
			err := w.Store.System(t.Context(), func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, c.zone, 1, f) })
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			unchanged(t, w, before)
		})
	}
}

// What an agent says must never be such that it can not be taken in: its outbox
// would be stuck behind it.
func TestFactsOfAnyContentAreTakenIn(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	for what, f := range map[string]func(*agentapi.Fact){
		"a generation from the future": func(f *agentapi.Fact) { f.Observation.Generation = 99 },
		"a generation below zero":      func(f *agentapi.Fact) { f.Observation.Generation = -5 },
		"no generation":                func(f *agentapi.Fact) { f.Observation.Generation = 0 },
		"zero bytes in texts": func(f *agentapi.Fact) {
			f.Observation.Message, f.Observation.Conditions = "a\x00b", []driver.Condition{{Type: "a\x00b", Message: "\x00"}}
			f.Observation.Endpoint = &driver.Endpoint{Host: "a\x00b", CAPEM: "\x00"}
		},
		"a very long message": func(f *agentapi.Fact) { f.Observation.Message = strings.Repeat("ä", 1<<20) },
		"an endless authority": func(f *agentapi.Fact) {
			f.Observation.Endpoint = &driver.Endpoint{Host: "h", CAPEM: strings.Repeat("x", 1<<20)}
		},
		"a time before the order": func(f *agentapi.Fact) { f.EffectiveAt, f.RealAt = time.Time{}, time.Time{} },
		"a time in 9999":          func(f *agentapi.Fact) { f.EffectiveAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC) },
		"gone without a purge":    func(f *agentapi.Fact) { f.Observation.State = driver.StateGone },
		"less than no storage":    func(f *agentapi.Fact) { f.Observation.StorageUsedBytes = -1 << 62 },
	} {
		t.Run(what, func(t *testing.T) {
			fact := w.Fact(t, v.ID, driver.StateRunning)
			f(&fact)
			if kept := w.Apply(t, fact).Instance.Endpoint; len(kept) > 1<<17 {
				t.Errorf("an endpoint of %d bytes was kept", len(kept))
			}
			mustAudit(t, w)
		})
	}
}

// mustAudit checks that the record of every instance holds together.
func mustAudit(t *testing.T, w *instancetest.World) {
	t.Helper()
	w.System(t, func(tx store.Tx) error {
		r, err := billing.Audit(t.Context(), tx, w.Clock.Now())
		for _, d := range r.Differences {
			t.Errorf("audit: %s %s", d.Instance, d.Problem)
		}
		return err
	})
}

// A fact takes effect when the agent says, but not before the fact that came
// before it, nor before the command that it reports was accepted, nor after it
// was received.
func TestEffectiveTimeIsKeptWithinItsBounds(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	minute := func(n int) time.Time { return instancetest.Start.Add(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		what             string
		now              int
		update           bool
		generation       int64
		reported, effect int
	}{
		{"on time", 10, false, 1, 10, 10},
		{"late", 20, false, 1, 15, 15},
		{"before the fact before", 21, false, 1, 12, 15},
		{"before the order", 22, false, 1, -50, 15},
		{"from the future", 23, false, 1, 99, 23},
		{"a command in force before it was accepted", 30, true, 2, 25, 30},
		{"the older command, reported late", 35, false, 1, 32, 32},
		{"a command of the future counts as the last one", 40, true, 9, 5, 40},
	} {
		w.Machine.Set(minute(c.now))
		if c.update {
			w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = int64(c.now) }))
		}
		f := w.Fact(t, v.ID, driver.StateRunning)
		f.EffectiveAt, f.Observation.Generation = minute(c.reported), c.generation
		got := w.Apply(t, f)
		if !got.LastFactAt.Equal(minute(c.effect)) {
			t.Errorf("%s: took effect %s after the start, want %d minutes", c.what, got.LastFactAt.Sub(instancetest.Start), c.effect)
		}
		mustAudit(t, w)
	}
}

// A late fact changes what is billed of the past, and leaves what was known before.
func TestLateFactChangesThePast(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Suspend)
	f := w.Fact(t, v.ID, driver.StateFailed)
	f.Observation.Generation = 1
	w.Apply(t, instancetest.Late(f, 30*time.Minute))
	if n := w.Count(t, "segments WHERE state = 'failed' AND superseded_at IS NULL AND to_at - from_at = interval '30 minutes'"); n != 1 {
		t.Error("the failure is not in the chain")
	}
	if n := w.Count(t, "segments WHERE state = 'active' AND superseded_at IS NOT NULL AND to_at - from_at = interval '1 hour'"); n != 1 {
		t.Error("what was known before is gone")
	}
	mustAudit(t, w)
}

// Once purged, an instance stays purged whatever comes late or is repeated: its
// name is free, its chain has ended.
func TestFactsAfterThePurgeChangeNothingOfIt(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Act(t, "db1", w.Delete)
	w.Machine.Advance(instance.Retention)
	w.PurgeDue(t)
	w.Machine.Advance(time.Minute)
	gone := w.Report(t, v.ID, driver.StateGone)
	w.Order(t, "db1")
	for _, s := range []driver.State{driver.StateRunning, driver.StateStopped, driver.StateGone, driver.StateFailed} {
		f := w.Fact(t, v.ID, s)
		f.EffectiveAt = *gone.LastFactAt // of the same moment, even
		got := w.Apply(t, f)
		if got.Phase != "Purged" || !got.PurgedAt.Equal(*gone.PurgedAt) {
			t.Errorf("%s made it %s, purged at %s", s, got.Phase, got.PurgedAt)
		}
		w.Machine.Advance(time.Second)
	}
	mustAudit(t, w)
}

// An agent that lost count of what it removed says gone of no generation, or of
// a time before the purge: that ends the chain too.
func TestGoneOfAnOlderGenerationEndsAPurge(t *testing.T) {
	for _, c := range []struct {
		what   string
		before bool // already said before the purge
	}{{"said once", false}, {"said before as well", true}} {
		t.Run(c.what, func(t *testing.T) {
			w := instancetest.New(t)
			v := w.Ready(t, "db1")
			w.Act(t, "db1", w.Delete)
			w.Machine.Advance(instance.Retention)
			gone := w.Fact(t, v.ID, driver.StateGone)
			gone.Observation.Generation = 0
			if c.before {
				w.Apply(t, gone)
				gone.Sequence++
			}
			w.Machine.Advance(time.Minute)
			w.PurgeDue(t)
			if got := w.Apply(t, gone); got.Phase != "Purged" {
				t.Errorf("it is %s", got.Phase)
			}
			if n := w.Count(t, "segments WHERE superseded_at IS NULL AND to_at IS NULL"); n != 0 {
				t.Error("its chain goes on")
			}
			mustAudit(t, w)
		})
	}
}

// The zone is told once that an instance held data, so that it never makes it
// anew empty; and not with every report.
func TestHeldDataIsToldToTheZoneOnce(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	for _, s := range []driver.State{driver.StateCreating, driver.StateRunning, driver.StateDegraded, driver.StateRunning, driver.StateFailed} {
		w.Report(t, v.ID, s)
	}
	var desired []bool
	w.Query(t, "SELECT desired FROM changes ORDER BY xid, sequence", func(r pgx.Rows) error {
		var d bool
		err := r.Scan(&d)
		desired = append(desired, d)
		return err
	})
	if want := []bool{true, false, true, false, false, false}; !slices.Equal(desired, want) {
		t.Errorf("the zone was told %v, want %v (order, creating, running, …)", desired, want)
	}
}
