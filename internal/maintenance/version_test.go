package maintenance

import (
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/store"
)

func TestNewerMinor(t *testing.T) {
	for _, c := range []struct {
		than, version string
		want          bool
	}{
		{"15.13", "15.14", true}, {"15.9", "15.10", true}, {"7.0.15", "7.0.16", true}, {"7.0.15", "7.2", true}, {"2.9", "2.9.1", true},
		{"15.14", "15.14", false}, {"15.14", "15.13", false}, {"15.18", "16.1", false}, {"15.18", "16beta1", false}, {"15.18", "", false}, {"", "15.18", false},
		{"15", "16", false}, {"15.1", "15.-2", false},
	} {
		if got := newerMinor(c.than, c.version); got != c.want {
			t.Errorf("from %q to %q: %v, want %v", c.than, c.version, got, c.want)
		}
	}
}

// zoneHas says which version of the engine the zone has from now on.
func (w *world) zoneHas(version string) {
	w.t.Helper()
	w.Superuser(w.t, false, `UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,version}', to_jsonb($1::text))`, version)
}

// runs reports which version the instance runs.
func (w *world) runs(version string) {
	w.t.Helper()
	f := w.Fact(w.t, w.db.ID, driver.StateRunning)
	f.Observation.Version = version
	w.Apply(w.t, f)
}

// all returns everything that is planned or was done.
func (w *world) all() (list []api.Maintenance) {
	w.t.Helper()
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		list, err = w.upkeep.List(w.t.Context(), tx, w.Acme.Organization, Filter{Limit: 100})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// planVersions plans what there is, twice, and returns what is open then.
func (w *world) planVersions() (open []api.Maintenance) {
	w.t.Helper()
	for range 2 {
		if err := w.upkeep.PlanVersions(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, m := range w.all() {
		if m.State == planned {
			open = append(open, m)
		}
	}
	return open
}

func TestANewerMinorVersionIsPlannedByItself(t *testing.T) {
	w := newWorld(t)
	w.zoneHas("15.13")
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("the instance does not say what it runs, and there is planned: %+v", open)
	}
	w.runs("15.13")
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("it runs what the zone has, and there is planned: %+v", open)
	}
	w.zoneHas("16.1")
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("another major version is planned: %+v", open)
	}
	w.zoneHas("15.14")
	open := w.planVersions()
	if len(open) != 1 {
		t.Fatalf("%d are planned: %+v", len(open), open)
	}
	m := open[0]
	if m.Title != "Minor version 15.13 → 15.14" || m.Version != "15.14" || m.Kind != kindRestart || m.PlannedBy != "Souk" || m.DeferUntil == nil || m.Effect == "" ||
		!m.From.Equal(sunday.AddDate(0, 0, 7)) { // Sunday is less than seven days away
		t.Errorf("planned as %+v", m)
	}
	if n := w.tell(); n != 1 {
		t.Errorf("%d mails of it", n)
	}
	w.zoneHas("15.15") // one more comes before the window
	if open = w.planVersions(); len(open) != 1 || open[0].ID != m.ID || open[0].Title != "Minor version 15.13 → 15.15" || !open[0].From.Equal(m.From) {
		t.Errorf("then there is planned: %+v", open)
	}
	w.at(m.From)
	w.carryOut()
	w.is(m.ID, running, api.PhaseMaintaining, "small")
	w.planVersions()
	f := w.Fact(t, w.db.ID, driver.StateRunning)
	now := w.Machine.Now()
	f.Observation.Version = "15.15"
	f.Observation.Interruption = &driver.Interruption{Generation: f.Observation.Generation, From: now.Add(-400 * time.Millisecond), Until: now}
	w.Apply(t, f)
	w.carryOut()
	m = w.is(m.ID, completed, api.PhaseReady, "small")
	if !strings.Contains(m.Message, "runs version 15.15") || m.Interruption == nil || *m.Interruption != 0.4 {
		t.Errorf("reported as %+v", m)
	}
	if v := w.View(t, w.db.ID); v.Restarts != 1 || v.API(now).Status.Version != "15.15" {
		t.Errorf("%d restarts, version %s", v.Restarts, v.EngineVersion)
	}
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("after it there is planned: %+v", open)
	}
	w.zoneHas("15.16")
	if open := w.planVersions(); len(open) != 1 || !strings.Contains(open[0].Effect, "for 400ms, as measured the last time") {
		t.Errorf("the next is planned as %+v", open)
	}
}

func TestAVersionThatIsNotReached(t *testing.T) {
	w := newWorld(t)
	w.zoneHas("15.14")
	w.runs("15.13")
	m := w.planVersions()[0]
	w.tell()
	w.at(m.From)
	w.carryOut()
	w.runs("15.13")
	w.carryOut()
	if m = w.is(m.ID, failed, api.PhaseReady, "small"); !strings.Contains(m.Message, "still runs version 15.13") {
		t.Errorf("it says %q", m.Message)
	}
	if n := w.tell(); n != 2 {
		t.Errorf("%d mails, want one of the plan and one of the failure", n)
	}
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("it is tried again and again: %+v", open)
	}
}

// A server that was restarted for something else runs the newer version already.
func TestAVersionThatRunsAlreadyNeedsNoRestart(t *testing.T) {
	w := newWorld(t)
	w.zoneHas("15.14")
	w.runs("15.13")
	m := w.planVersions()[0]
	w.runs("15.14")
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("there is planned: %+v", open)
	}
	if m = w.is(m.ID, cancelled, api.PhaseReady, "small"); !strings.Contains(m.Message, "already") {
		t.Errorf("it says %q", m.Message)
	}
}

func TestWhatIsStoppedIsNotPlannedFor(t *testing.T) {
	w := newWorld(t)
	w.runs("15.13")
	w.zoneHas("15.14")
	w.Superuser(t, false, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,problem}', '\"broken\"')")
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("the zone's engine is broken, and there is planned: %+v", open)
	}
	w.Superuser(t, false, "UPDATE zone_agents SET info = info #- '{engines,0,problem}'")
	w.Act(t, "db1", w.Suspend)
	if open := w.planVersions(); len(open) != 0 {
		t.Errorf("it is suspended, and there is planned: %+v", open)
	}
}
