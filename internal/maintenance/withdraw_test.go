package maintenance

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/maintenance/maintenancedb"
	"souk/internal/store"
)

// withdraw takes restarts back as the operator.
func (w *world) withdraw(reason string, ids ...string) (out api.MaintenanceWithdrawn, err error) {
	err = w.Store.System(w.t.Context(), func(tx store.Tx) (err error) {
		out, err = w.upkeep.Withdraw(w.t.Context(), tx, "staff@operator.example", "request-4", api.MaintenanceWithdrawal{IDs: ids, Reason: reason})
		return err
	})
	return out, err
}

// open are the titles of the restarts that are planned or under way.
func (w *world) open() (all []string) {
	w.t.Helper()
	err := w.Store.System(w.t.Context(), func(tx store.Tx) error {
		list, err := w.upkeep.Restarts(w.t.Context(), tx, RestartFilter{Open: true, Zone: w.db.Zone, Limit: 10})
		for _, m := range list {
			all = append(all, m.Instance)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// A restart is taken back with its reason, its people are told, and it never begins; what
// has begun is left as it is.
func TestWithdraw(t *testing.T) {
	w := newWorld(t)
	w.Ready(t, "db2")
	did, err := w.restarts(api.MaintenancePlan{Zone: w.db.Zone, Reason: "Other hardware"}, false)
	if err != nil || len(did.Items) != 2 || strings.Join(w.open(), " ") != "db2 db1" {
		t.Fatalf("planned %+v, %v; open are %v", did, err, w.open())
	}
	one, two := did.Items[0].ID, did.Items[1].ID
	w.tell()
	out, err := w.withdraw("The hardware came too late", two, two)
	if err != nil || len(out.Withdrawn) != 1 || len(out.Left) != 0 || out.Withdrawn[0].ID != two {
		t.Fatalf("withdrawn %+v, %v", out, err)
	}
	w.is(two, cancelled, api.PhaseReady, "small")
	if got := strings.Join(w.open(), " "); got != "db1" {
		t.Errorf("open are %s", got)
	}
	if n := w.tell(); n != 2 {
		t.Errorf("%d mails, want one of the plan and one of what does not take place", n)
	}
	if n := w.Count(t, "audit_events WHERE action = 'maintenance.withdraw' AND actor = 'staff@operator.example'"); n != 1 {
		t.Errorf("%d events are in the audit log", n)
	}

	w.at(did.Items[0].From)
	w.carryOut()
	out, err = w.withdraw("Too late", one, two)
	if err != nil || len(out.Withdrawn) != 0 || len(out.Left) != 2 {
		t.Errorf("withdrawn %+v, %v", out, err)
	}
	w.is(one, running, api.PhaseMaintaining, "small")
	if m := w.read(two); m.State != cancelled {
		t.Errorf("what was withdrawn is %s", m.State)
	}
}

// What is none of the operator's restarts is refused, and with it the rest.
func TestWithdrawRefuses(t *testing.T) {
	w := newWorld(t)
	did, err := w.restarts(api.MaintenancePlan{Zone: w.db.Zone, Reason: "Other hardware"}, false)
	if err != nil {
		t.Fatal(err)
	}
	good := did.Items[0].ID
	for want, c := range map[string]struct {
		reason string
		ids    []string
	}{
		"body.ids":    {"Not needed", []string{good, "no-id"}},
		"body.ids ":   {"Not needed", []string{good, store.NewID().String()}},
		"body.reason": {"Not\nneeded", []string{good}},
	} {
		if _, err := w.withdraw(c.reason, c.ids...); field(err) != strings.TrimSpace(want) {
			t.Errorf("%v: %v", c, err)
		}
		w.is(good, planned, api.PhaseReady, "small")
	}
}

// People read in their language what does not take place, and why.
func TestLineOfWhatIsWithdrawn(t *testing.T) {
	r := maintenancedb.TellingRow{Project: "default", Instance: "db1", Title: "Other hardware", State: cancelled, FromAt: sunday, Message: "Withdrawn by the operator: it came too late"}
	for language, want := range map[string]string{
		"en": "default/db1: Other hardware, planned for Sun 8 Mar 2026 03:00 CET, does not take place. Withdrawn by the operator: it came too late",
		"de": "default/db1: Other hardware, geplant für 8.3.2026 03:00 CET, findet nicht statt. Withdrawn by the operator: it came too late",
	} {
		if got := line(r, language, "Europe/Zurich"); got != want {
			t.Errorf("%s: %q", language, got)
		}
	}
}
