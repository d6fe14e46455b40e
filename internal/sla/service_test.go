package sla_test

import (
	"bytes"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/sla"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a record with an instance that runs, and those who evaluate it.
type world struct {
	*instancetest.World
	t   *testing.T
	sla *sla.Service
	db  instance.View
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := instancetest.New(t)
	return &world{w, t, &sla.Service{Clock: w.Clock, Catalog: w.Service.Catalog}, w.Ready(t, "db1")}
}

// measured has the zone report what it measured in the time that now goes by.
func (w *world) measured(state agentapi.SLIState, lasts time.Duration) {
	w.t.Helper()
	from := w.Clock.Now()
	w.Machine.Advance(lasts)
	f := w.Fact(w.t, w.db.ID, driver.StateRunning)
	f.Observation, f.SLI = driver.Observation{}, &agentapi.SLISpan{From: from, To: w.Clock.Now(), State: state}
	w.System(w.t, func(tx store.Tx) error { return w.Service.Apply(w.t.Context(), tx, w.Zone, 1, f) })
}

func (w *world) availability(period string) (out api.Availability) {
	w.t.Helper()
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.sla.Instance(w.t.Context(), tx, w.Acme.Organization, w.db.ID, period)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) report(watermark time.Time) (out api.SLAReport, err error) {
	w.t.Helper()
	err = w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.sla.Report(w.t.Context(), tx, w.Acme.Organization, "", watermark)
		return err
	})
	return out, err
}

// A month is the sum of what was measured, without the time in which the instance was
// not to serve and without what its users' own changes interrupted.
func TestAvailabilityOfAMonth(t *testing.T) {
	w := newWorld(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.measured(agentapi.SLIDown, 5*time.Minute)
	w.measured(agentapi.SLIUp, 55*time.Minute)
	w.Machine.Advance(10 * time.Minute) // the agent was away
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" }))
	w.measured(agentapi.SLIDown, 20*time.Second)
	w.Report(t, w.db.ID, driver.StateRunning) // the change is in force
	w.measured(agentapi.SLIDown, 10*time.Second)
	w.measured(agentapi.SLIUp, 30*time.Minute)
	w.Act(t, "db1", w.Suspend)
	w.measured(agentapi.SLIDown, time.Minute) // not to serve any more
	w.Machine.Advance(time.Hour)
	is := w.availability("")
	want := api.SLASeconds{Up: 8700, Down: 310, Agreed: 20, NoData: 600}
	got := is.Seconds
	if got.Outside -= is.Until.Sub(is.From).Seconds() - 8700 - 310 - 20 - 600; got != want {
		t.Errorf("seconds %+v, want %+v", got, want)
	}
	if is.Objective != "99.5" || is.SLAResult.Availability != "96.5593" || is.Met == nil || *is.Met {
		t.Errorf("objective %s, available %s, met %v", is.Objective, is.SLAResult.Availability, is.Met)
	}
	if is.Budget == nil || is.Budget.Left >= 0 {
		t.Errorf("the budget of what is suspended is that of the time it served: %+v", is.Budget)
	}
	var states []string
	at := is.Intervals[0].From
	for _, i := range is.Intervals {
		states = append(states, i.State)
		if !i.From.Equal(at) {
			t.Errorf("a gap before %s", i.From)
		}
		at = i.To
	}
	if len(states) != 8 || !at.Equal(is.Until) {
		t.Errorf("intervals %v until %s, want until %s", states, at, is.Until)
	}
}

// What maintenance interrupts is agreed, within the time that was agreed for it.
func TestMaintenanceIsAgreedWithinItsWindow(t *testing.T) {
	w := newWorld(t)
	began := w.Clock.Now()
	w.Superuser(t, false, `INSERT INTO maintenances (id, organization_id, project_id, instance_id, kind, title, effect, planned_by, created_at, first_from, from_at, until_at, state, began_at)
		VALUES (gen_random_uuid(), $1, $2, $3, 'restart', 'A restart', '', 'operator', $4, $4, $4, $5, 'running', $4)`,
		w.Acme.Organization, w.db.ProjectID, w.db.ID, began, began.Add(time.Minute))
	w.measured(agentapi.SLIDown, 40*time.Second)
	if got := w.availability("").Seconds; got.Agreed != 40 || got.Down != 0 {
		t.Errorf("while it is under way: %+v", got)
	}
	w.measured(agentapi.SLIDown, 50*time.Second)
	if got := w.availability("").Seconds; got.Agreed != 60 || got.Down != 30 {
		t.Errorf("beyond its window: %+v", got)
	}
	w.Superuser(t, false, "UPDATE maintenances SET state = 'completed', ended_at = $1", began.Add(30*time.Second))
	if got := w.availability("").Seconds; got.Agreed != 30 || got.Down != 60 {
		t.Errorf("once it has ended: %+v", got)
	}
}

// The same watermark gives the same report, whatever is recorded later; a newer one
// has what came since.
func TestTheSameWatermarkGivesTheSameBytes(t *testing.T) {
	w := newWorld(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.measured(agentapi.SLIDown, time.Minute)
	w.Machine.Advance(time.Minute)
	first, err := w.report(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	files := func(watermark time.Time) (payload, pdf []byte) {
		r, err := w.report(watermark)
		if err != nil {
			t.Fatal(err)
		}
		if payload, err = sla.Payload(r); err != nil {
			t.Fatal(err)
		}
		if pdf, err = sla.Document(r); err != nil {
			t.Fatal(err)
		}
		return payload, pdf
	}
	payload, pdf := files(first.Watermark)
	if len(first.Instances) != 1 || first.Instances[0].Seconds.Down != 60 || len(first.Instances[0].Outages) != 1 || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatalf("report %+v", first)
	}
	w.measured(agentapi.SLIDown, 10*time.Minute)
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" }))
	w.Report(t, w.db.ID, driver.StateRunning)
	w.Act(t, "db1", w.Suspend)
	w.Report(t, w.db.ID, driver.StateStopped)
	w.Machine.Advance(time.Hour)
	laterPayload, laterPDF := files(first.Watermark)
	if !bytes.Equal(payload, laterPayload) || !bytes.Equal(pdf, laterPDF) {
		t.Errorf("the report has changed:\n%s\n%s", payload, laterPayload)
	}
	newer, err := w.report(time.Time{})
	if err != nil || newer.Instances[0].Seconds.Down != 660 {
		t.Errorf("a newer one: %+v, %v", newer.Instances, err)
	}
	for _, watermark := range []time.Time{w.Clock.Now(), first.From.Add(-time.Second)} {
		if _, err := w.report(watermark); err == nil {
			t.Errorf("a watermark of %s is taken", watermark)
		}
	}
}

// Nobody sees how available others' instances are.
func TestReportsAreOfTheOrganizationOnly(t *testing.T) {
	w := newWorld(t)
	w.measured(agentapi.SLIUp, time.Hour)
	w.Machine.Advance(time.Minute)
	err := w.As(t, w.Globex, func(tx store.Tx) error {
		r, err := w.sla.Report(t.Context(), tx, w.Globex.Organization, "", time.Time{})
		if len(r.Instances) != 0 {
			t.Errorf("globex sees %+v", r.Instances)
		}
		foreign, _ := w.sla.Report(t.Context(), tx, w.Acme.Organization, "", time.Time{})
		if len(foreign.Instances) != 0 {
			t.Errorf("globex sees %+v", foreign.Instances)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
