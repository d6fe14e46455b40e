package instance_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// rewinding is a world whose zone restores in place, with an instance that has a backup.
func rewinding(t *testing.T) (*instancetest.World, instance.View, driver.Backup) {
	t.Helper()
	w, v := keeping(t)
	w.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,inPlace}', 'true')")
		return err
	})
	b := taken(w.Clock.Now().Add(-time.Hour))
	hasBackups(t, w, v, b)
	return w, v, b
}

// hasBackups has the zone say which backups there are.
func hasBackups(t *testing.T, w *instancetest.World, v instance.View, all ...driver.Backup) {
	t.Helper()
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: all, Archiving: true, ArchivedUntil: w.Clock.Now()}})
}

func rewind(w *instancetest.World, in api.RestoreInPlace) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		if _, err := w.Service.RestoreInPlace(ctx, tx, p, "db1", in); err != nil {
			return instance.View{}, err
		}
		return w.Service.Get(ctx, tx, p, "db1")
	}
}

func newestRewind(t *testing.T, w *instancetest.World) (out api.InPlaceRestore) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) error {
		all, err := w.Service.InPlaceRestores(t.Context(), tx, w.Acme, "db1")
		if err == nil {
			out = all.Items[0]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rewound has the zone report the restore in place of that number as over.
func rewound(t *testing.T, w *instancetest.World, v instance.View, number int64, problem string) instance.View {
	t.Helper()
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.RealAt, f.Observation.Rewound = w.Clock.Now(), &driver.Rewound{Number: number, Problem: problem}
	for range 2 {
		w.System(t, func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, v.ZoneID, 1, f) })
	}
	w.System(t, func(tx store.Tx) (err error) { v, err = w.Service.ByID(t.Context(), tx, v.ID); return err })
	return v
}

func TestARestoreInPlaceWaitsForItsSafetyBackup(t *testing.T) {
	w, v, b := rewinding(t)
	at := w.Clock.Now().Add(-time.Minute)
	v = w.Must(t, rewind(w, api.RestoreInPlace{Time: &at, Confirm: "db1"}))
	asked := newestRewind(t, w)
	if asked.State != "backing-up" || asked.Backup != b.ID || !asked.Time.Equal(at) || v.Phase != string(api.PhaseReady) {
		t.Fatalf("asked for: %+v, %s", asked, v.Phase)
	}
	for code, c := range map[string]command{
		"restore-under-way": rewind(w, api.RestoreInPlace{Backup: b.ID, Confirm: "db1"}),
	} {
		mustRefuse(t, w, code, "", c)
	}
	mustRefuse(t, w, "restore-under-way", "", ask(w, "db1"))
	safety := taken(w.Clock.Now())
	safety.ID, safety.Kind = asked.SafetyBackup, "requested"
	hasBackups(t, w, v, b, safety)
	w.System(t, func(tx store.Tx) (err error) { v, err = w.Service.ByID(t.Context(), tx, v.ID); return err })
	if got := newestRewind(t, w); got.State != "restoring" || v.Phase != string(api.PhaseUpdating) || !strings.Contains(v.Message, "restored in place") {
		t.Fatalf("with the safety backup taken: %+v, %s %q", got, v.Phase, v.Message)
	}
	w.Clock.Raise(w.Clock.Offset()+365*24*time.Hour, time.Time{})
	if removed := expire(t, w); len(removed) != 0 {
		t.Error("a backup expired while it was restored in place")
	}
	v = rewound(t, w, v, 1, "")
	if got := newestRewind(t, w); got.State != "completed" || got.FinishedAt == nil || v.Phase != string(api.PhaseReady) {
		t.Fatalf("over: %+v, %s", got, v.Phase)
	}
	after := list(t, w, "db1").Items
	if !slices.ContainsFunc(after, func(b api.Backup) bool { return b.State == "wanted" && b.RequestedBy == instance.SystemActor }) {
		t.Errorf("no backup is taken afterwards: %+v", after)
	}
	if n := w.Count(t, "commands WHERE instance_id = $1", v.ID); n != 2 {
		t.Errorf("%d commands", n)
	}
	// Between it and the next backup no point in time can be reached.
	w.Clock.Raise(w.Clock.Offset()+time.Hour, time.Time{})
	soon := w.Clock.Now().Add(-time.Minute)
	mustRefuse(t, w, "invalid", "body.restoreFrom.time", restore(w, api.RestoreFrom{Instance: "db1", Time: &soon}))
	w.Must(t, restore(w, api.RestoreFrom{Instance: "db1", Time: &at}))
}

func TestARestoreInPlaceThatFailsIsSaid(t *testing.T) {
	w, v, b := rewinding(t)
	w.Must(t, rewind(w, api.RestoreInPlace{Backup: b.ID, Confirm: "db1"}))
	order := driver.BackupOrder{ID: newestRewind(t, w).SafetyBackup, Kind: "requested", At: w.Clock.Now()}
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}}, Attempts: []agentapi.BackupAttempt{{BackupOrder: order, Problem: "no place", GivenUp: true}}})
	if got := newestRewind(t, w); got.State != "failed" || !strings.Contains(got.Message, "no place") {
		t.Errorf("without a safety backup: %+v", got)
	}
	w.Must(t, rewind(w, api.RestoreInPlace{Backup: b.ID, Confirm: "db1"}))
	safety := taken(w.Clock.Now())
	safety.ID = newestRewind(t, w).SafetyBackup
	hasBackups(t, w, v, b, safety)
	rewound(t, w, v, 1, "of the one before")
	if got := newestRewind(t, w); got.State != "restoring" {
		t.Errorf("a late report of another one: %+v", got)
	}
	v = rewound(t, w, v, 2, "It is damaged.")
	if got := newestRewind(t, w); got.State != "failed" || got.Message != "It is damaged." || v.Phase != string(api.PhaseReady) {
		t.Errorf("put back: %+v, %s", got, v.Phase)
	}
}

func TestRestoresInPlaceThatAreRefused(t *testing.T) {
	w, v, b := rewinding(t)
	late := w.Clock.Now().Add(time.Hour)
	for _, c := range []struct {
		name, code, field string
		in                api.RestoreInPlace
		before            string // what is so
	}{
		{"not confirmed", "invalid", "body.confirm", api.RestoreInPlace{Backup: b.ID}, ""},
		{"another name", "invalid", "body.confirm", api.RestoreInPlace{Backup: b.ID, Confirm: "db2"}, ""},
		{"neither", "invalid", "body", api.RestoreInPlace{Confirm: "db1"}, ""},
		{"in the future", "invalid", "body.time", api.RestoreInPlace{Time: &late, Confirm: "db1"}, ""},
		{"no such backup", "invalid", "body.backup", api.RestoreInPlace{Backup: v.ID.String(), Confirm: "db1"}, ""},
		{"a backup under way", "backup-under-way", "", api.RestoreInPlace{Backup: b.ID, Confirm: "db1"},
			"INSERT INTO backups (id, organization_id, instance_id, kind, state, created_at) SELECT gen_random_uuid(), organization_id, id, 'scheduled', 'running', created_at FROM instances"},
		{"a drill under way", "drill-under-way", "", api.RestoreInPlace{Backup: b.ID, Confirm: "db1"},
			"DELETE FROM backups WHERE state = 'running'; INSERT INTO drills (id, organization_id, instance_id, backup_id, kind, state, created_at) SELECT gen_random_uuid(), organization_id, instance_id, id, 'scheduled', 'wanted', created_at FROM backups"},
		{"a zone that cannot", "no-restore-in-place", "", api.RestoreInPlace{Backup: b.ID, Confirm: "db1"}, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,inPlace}', 'false')"},
		{"deleted", "deleted", "", api.RestoreInPlace{Backup: b.ID, Confirm: "db1"}, "UPDATE instances SET intent = 'deleted'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.before != "" {
				w.Superuser(t, false, c.before)
			}
			mustRefuse(t, w, c.code, c.field, rewind(w, c.in))
		})
	}
}
