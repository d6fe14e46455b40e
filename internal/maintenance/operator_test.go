package maintenance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/window"
)

// restarts plans restarts as the operator, or says what would be planned.
func (w *world) restarts(want api.MaintenancePlan, preview bool) (out api.MaintenancePlanned, err error) {
	err = w.Store.System(w.t.Context(), func(tx store.Tx) (err error) {
		if preview {
			out, err = w.upkeep.PreviewRestarts(w.t.Context(), tx, want)
		} else {
			out, err = w.upkeep.PlanRestarts(w.t.Context(), tx, "staff@operator.example", "request-3", want)
		}
		return err
	})
	return out, err
}

// named are the instances of what was planned, and of what was left out, and why.
func named(out api.MaintenancePlanned) string {
	var all []string
	for _, i := range out.Items {
		all = append(all, i.Instance)
	}
	for _, l := range out.LeftOut {
		all = append(all, l.Instance+": "+l.Reason)
	}
	return strings.Join(all, ", ")
}

// field is the one that a request was refused for.
func field(err error) string {
	if p := problem.As(err); p != nil && len(p.Fields) == 1 {
		return p.Fields[0].Location
	}
	return ""
}

// A zone's instances are restarted each in its own window, but for those that a restart
// makes no sense of; the same again plans nothing twice.
func TestRestartsOfAZone(t *testing.T) {
	w := newWorld(t)
	w.Ready(t, "db2")
	w.Ready(t, "asleep")
	w.Ready(t, "gone")
	w.Order(t, "new")
	w.Act(t, "asleep", w.Suspend)
	w.Act(t, "gone", w.Delete)
	monday := window.Default("Europe/Zurich")
	monday.Day = "monday"
	w.Superuser(t, false, "UPDATE instances SET maintenance = $1 WHERE name = 'db2'", monday)
	plan := api.MaintenancePlan{Zone: w.db.Zone, Reason: "Other hardware"}

	would, err := w.restarts(plan, true)
	if want := "db1, db2, asleep: suspended, new: not-ready"; err != nil || named(would) != want || would.Planned {
		t.Fatalf("would plan %s, %v; want %s", named(would), err, want)
	}
	if n := w.Count(t, "maintenances"); n != 0 {
		t.Fatalf("a preview has planned %d", n)
	}
	did, err := w.restarts(plan, false)
	if err != nil || !did.Planned || named(did) != named(would) {
		t.Fatalf("planned %s, %v", named(did), err)
	}
	for i, want := range []time.Time{sunday.AddDate(0, 0, 7), sunday.AddDate(0, 0, 8)} {
		if got := did.Items[i]; !got.From.Equal(want) || !would.Items[i].From.Equal(want) || got.ID == "" || would.Items[i].ID != "" || got.Effect == "" {
			t.Errorf("planned %+v, would have %+v; want at %s", got, would.Items[i], want)
		}
		w.is(did.Items[i].ID, planned, api.PhaseReady, "small")
	}
	if n := w.Count(t, "audit_events WHERE action = 'maintenance.plan' AND request_id = 'request-3'"); n != 2 {
		t.Errorf("%d entries in the audit log", n)
	}
	again, err := w.restarts(plan, false)
	if want := "asleep: suspended, db1: planned, db2: planned, new: not-ready"; err != nil || named(again) != want {
		t.Errorf("again: %s, %v; want %s", named(again), err, want)
	}
	at := slices.IndexFunc(again.LeftOut, func(l api.MaintenanceLeftOut) bool { return l.Instance == "db2" })
	if at < 0 || again.LeftOut[at].PlannedFor == nil || !again.LeftOut[at].PlannedFor.Equal(did.Items[1].From) {
		t.Errorf("left out %+v", again.LeftOut)
	}
	plan.Urgent = true // what cannot wait does not wait for what is planned
	if urgent, err := w.restarts(plan, false); err != nil || len(urgent.Items) != 2 {
		t.Errorf("urgent: %s, %v", named(urgent), err)
	}
	if urgent, err := w.restarts(plan, false); err != nil || len(urgent.Items) != 0 {
		t.Errorf("urgent, again: %s, %v", named(urgent), err)
	}
}

// Who repeats a request is told what it has planned.
func TestRestartsThatAreAskedForTwice(t *testing.T) {
	w := newWorld(t)
	plan := api.MaintenancePlan{Zone: w.db.Zone, Service: w.db.Service, Reason: "Other hardware"}
	did, err := w.restarts(plan, false)
	if err != nil || len(did.Items) != 1 {
		t.Fatal(did, err)
	}
	err = w.Store.System(t.Context(), func(tx store.Tx) error {
		again, err := w.upkeep.Replanned(t.Context(), tx, plan, did.At)
		if err != nil || !again.Planned || len(again.Items) != 1 || again.Items[0] != did.Items[0] {
			t.Errorf("%+v, %v; want %+v", again, err, did)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRestartsThatAreRefused(t *testing.T) {
	w := newWorld(t)
	early := w.Clock.Now().Add(Notice - time.Minute)
	for name, c := range map[string]struct {
		plan  api.MaintenancePlan
		field string
	}{
		"nothing":               {api.MaintenancePlan{}, "body.instance"},
		"both":                  {api.MaintenancePlan{Instance: w.db.ID.String(), Zone: w.db.Zone}, "body.zone"},
		"a service of one":      {api.MaintenancePlan{Instance: w.db.ID.String(), Service: w.db.Service}, "body.service"},
		"no ID":                 {api.MaintenancePlan{Instance: "db1"}, "body.instance"},
		"an unknown instance":   {api.MaintenancePlan{Instance: uuid.NewString()}, "body.instance"},
		"an unknown zone":       {api.MaintenancePlan{Zone: "nowhere"}, "body.zone"},
		"an unknown service":    {api.MaintenancePlan{Zone: w.db.Zone, Service: "nothing"}, "body.service"},
		"too short a notice":    {api.MaintenancePlan{Zone: w.db.Zone, NotBefore: &early}, "body.notBefore"},
		"a reason of two lines": {api.MaintenancePlan{Zone: w.db.Zone, Reason: "one\ntwo"}, "body.reason"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, preview := range []bool{true, false} {
				if _, err := w.restarts(c.plan, preview); code(err) != "invalid" || field(err) != c.field {
					t.Errorf("refused for %q: %v; want %s", field(err), err, c.field)
				}
			}
		})
	}
	if n := w.Count(t, "maintenances"); n != 0 {
		t.Errorf("%d were planned", n)
	}
}
