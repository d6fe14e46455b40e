package instance_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/signing"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

// drilling is a world whose zone makes restore drills, with an instance that has a
// backup.
func drilling(t *testing.T) (*instancetest.World, instance.View) {
	t.Helper()
	w, v := keeping(t)
	w.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,drills}', 'true')")
		return err
	})
	return w, v
}

func backedUpOnce(t *testing.T, w *instancetest.World, v instance.View) driver.Backup {
	t.Helper()
	b := taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}}})
	return b
}

// look has backups and drills that are due seen to.
func look(t *testing.T, w *instancetest.World) {
	t.Helper()
	storetest.UntilNone(t, w.Store, w.Service.MarkExpired)
}

func certify(t *testing.T, w *instancetest.World) {
	t.Helper()
	storetest.UntilNone(t, w.Store, w.Service.CertifyDrill)
}

func drills(t *testing.T, w *instancetest.World) (out api.DrillList) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.Service.Drills(t.Context(), tx, w.Acme, "db1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func startDrill(w *instancetest.World) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		if _, err := w.Service.StartDrill(ctx, tx, p, "db1"); err != nil {
			return instance.View{}, err
		}
		return w.Service.Get(ctx, tx, p, "db1")
	}
}

// drillFact takes in what the zone says of a drill, twice.
func drillFact(t *testing.T, w *instancetest.World, v instance.View, is agentapi.DrillFact) {
	t.Helper()
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.Observation, f.RealAt, f.Drill = driver.Observation{}, w.Clock.Now(), &is
	for range 2 {
		w.System(t, func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, v.ZoneID, 1, f) })
	}
}

func over(w *instancetest.World, d api.Drill, problem string) agentapi.DrillFact {
	return agentapi.DrillFact{DrillOrder: agentapi.DrillOrder{ID: d.ID, BackupID: d.Backup}, StartedAt: w.Clock.Now().Add(-time.Minute), FinishedAt: w.Clock.Now(), Problem: problem,
		Measured: &agentapi.DrillMeasured{RestoreMillis: 1500, LossMillis: 250, Canaries: 3, Digest: "abc", Examination: driver.Examination{Version: "15.18", Checks: []driver.Check{{Name: "rows", Passed: true, Detail: "7 rows"}}}}}
}

func TestDrillsAreMadeEachWeek(t *testing.T) {
	w, v := drilling(t)
	look(t, w)
	if l := drills(t, w); len(l.Items) != 0 || l.Next != nil || l.Every != "weekly" {
		t.Fatalf("before there is a backup: %+v", l)
	}
	b := backedUpOnce(t, w, v)
	look(t, w)
	l := drills(t, w)
	if l.Next == nil || l.Next.Sub(w.Clock.Now()) > 24*time.Hour {
		t.Fatalf("the first is due %v", l.Next)
	}
	w.Machine.Advance(24 * time.Hour)
	look(t, w)
	l = drills(t, w)
	if len(l.Items) != 1 || l.Items[0].Kind != "scheduled" || l.Items[0].Backup != b.ID || l.Items[0].State != "wanted" {
		t.Fatalf("after a day: %+v", l)
	}
	w.Machine.Advance(40 * 24 * time.Hour) // one is under way: no other is made, and none of those that were missed
	look(t, w)
	if l := drills(t, w); len(l.Items) != 1 {
		t.Errorf("%d drills", len(l.Items))
	}
	drillFact(t, w, v, over(w, l.Items[0], ""))
	for range 21 {
		w.Machine.Advance(24 * time.Hour)
		look(t, w)
		if d := drills(t, w).Items[0]; d.State == "wanted" {
			drillFact(t, w, v, over(w, d, ""))
		}
	}
	if n := len(drills(t, w).Items); n != 4 {
		t.Errorf("%d drills in all, want one and three more in three weeks", n)
	}
	w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Update(ctx, tx, p, "db1", instancetest.Put(func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{Drills: "off"} }), instancetest.AnyVersion)
	})
	w.Machine.Advance(30 * 24 * time.Hour)
	look(t, w)
	if l := drills(t, w); len(l.Items) != 4 || l.Next != nil {
		t.Errorf("turned off: %d drills, next %v", len(l.Items), l.Next)
	}
}

func TestADrillIsCertified(t *testing.T) {
	w, v := drilling(t)
	b := backedUpOnce(t, w, v)
	w.Must(t, startDrill(w))
	mustRefuse(t, w, "drill-under-way", "", startDrill(w))
	d := drills(t, w).Items[0]
	drillFact(t, w, v, agentapi.DrillFact{DrillOrder: agentapi.DrillOrder{ID: d.ID, BackupID: d.Backup}, StartedAt: w.Clock.Now()})
	if d := drills(t, w).Items[0]; d.State != "running" || d.StartedAt == nil {
		t.Errorf("while it runs: %+v", d)
	}
	drillFact(t, w, v, over(w, d, ""))
	certify(t, w)
	drillFact(t, w, v, over(w, d, "a late report")) // changes nothing
	d = drills(t, w).Items[0]
	if d.State != "passed" || !d.Certificate || d.Result == nil || d.Result.RestoreMilliseconds != 1500 || d.Result.LossMilliseconds != 250 {
		t.Fatalf("over: %+v", d)
	}
	var signed api.SignedDrill
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		signed, err = w.Service.Certificate(t.Context(), tx, w.Acme, "db1", d.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := (&signing.Service{Store: w.Store, Clock: w.Clock, Secrets: w.Secrets}).Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checked, err := signing.Verify(keys, signed.Signed)
	if err != nil || checked.Kind != signing.RestoreCertificate {
		t.Fatalf("%+v, %v", checked, err)
	}
	var c api.DrillCertificate
	if err := json.Unmarshal(checked.Payload, &c); err != nil || c.Outcome != "passed" || c.Instance != "db1" || c.Backup.ID != b.ID || c.Result.Canaries != 3 || len(c.Result.Checks) != 1 {
		t.Errorf("it says %+v, %v", c, err)
	}
	if got := w.Count(t, "audit_events WHERE action = 'drill.passed'"); got != 1 {
		t.Errorf("%d records of the audit log", got)
	}
	if got := w.Count(t, "segments WHERE instance_id <> $1", v.ID); got != 0 {
		t.Errorf("%d segments are billed of a drill", got)
	}
}

func TestADrillThatFailedSaysWhy(t *testing.T) {
	w, v := drilling(t)
	backedUpOnce(t, w, v)
	w.Must(t, startDrill(w))
	failed := over(w, drills(t, w).Items[0], "The backup is damaged.")
	failed.Measured = nil
	drillFact(t, w, v, failed)
	certify(t, w)
	if d := drills(t, w).Items[0]; d.State != "failed" || d.Message != "The backup is damaged." || !d.Certificate || d.Result != nil {
		t.Errorf("%+v", d)
	}
	w.Must(t, startDrill(w))
	silent := over(w, drills(t, w).Items[0], "")
	silent.Measured = nil
	drillFact(t, w, v, silent)
	if d := drills(t, w).Items[0]; d.State != "failed" {
		t.Errorf("a zone that did not say what it compared: %+v", d)
	}
}

func TestDrillsThatAreRefused(t *testing.T) {
	w, v := keeping(t)
	mustRefuse(t, w, "no-drills", "", startDrill(w))
	if l := drills(t, w); !strings.Contains(l.Message, "cannot make restore drills") {
		t.Errorf("where none can be made: %+v", l)
	}
	w, v = drilling(t)
	mustRefuse(t, w, "no-backup", "", startDrill(w))
	backedUpOnce(t, w, v)
	w.Act(t, "db1", w.Suspend)
	mustRefuse(t, w, "not-running", "", startDrill(w))
	mustRefuse(t, w, "invalid", "body.spec.backup.drills", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, instancetest.Order("db2", func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{Drills: "hourly"} }))
	})
}

// A backup that a drill restores does not expire meanwhile, and a drill of what is
// stopped is given up.
func TestADrillHoldsItsBackupAndEndsWithItsInstance(t *testing.T) {
	w, v := drilling(t)
	old := backedUpOnce(t, w, v)
	w.Must(t, startDrill(w))
	w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Update(ctx, tx, p, "db1", instancetest.Put(func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{Keep: &api.BackupKeep{Last: 1}} }), instancetest.AnyVersion)
	})
	w.Machine.Advance(3 * 24 * time.Hour)
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{old, taken(w.Clock.Now().Add(-time.Hour))}}})
	look(t, w)
	if got := statesOf(list(t, w, "db1")); !slices.Equal(got, []string{"completed", "completed"}) {
		t.Errorf("during a drill: %v", got)
	}
	w.Act(t, "db1", w.Delete)
	w.Machine.Advance(2 * time.Hour)
	look(t, w)
	if d := drills(t, w).Items[0]; d.State != "cancelled" {
		t.Errorf("of a deleted instance: %+v", d)
	}
}
