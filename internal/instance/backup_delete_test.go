package instance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// deleteBackup deletes one of db1's backups.
func deleteBackup(w *instancetest.World, id, confirm string) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		all, err := w.Service.Backups(ctx, tx, p, "db1")
		if err != nil {
			return instance.View{}, err
		}
		if _, err := w.Service.DeleteBackup(ctx, tx, p, "db1", id, confirm); err != nil {
			return instance.View{}, err
		}
		return w.Service.ByID(ctx, tx, uuid.MustParse(all.InstanceID))
	}
}

// oneBackup reads one of db1's backups.
func oneBackup(t *testing.T, w *instancetest.World, id string) (b api.Backup) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		b, err = w.Service.Backup(t.Context(), tx, w.Acme, "db1", id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsLostWithABackupIsSaid(t *testing.T) {
	w, v := keeping(t)
	now := w.Clock.Now()
	oldest, middle, newest := taken(now.Add(-3*time.Hour)), taken(now.Add(-2*time.Hour)), taken(now.Add(-time.Hour))
	points := agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{oldest, middle, newest}, Archiving: true, ArchivedUntil: now}}
	says := func(b driver.Backup, words ...string) {
		t.Helper()
		got := oneBackup(t, w, b.ID).IfDeleted
		for _, text := range words {
			if !strings.Contains(got, text) {
				t.Errorf("said %q, want %q in it", got, text)
			}
		}
	}
	snapshots := points
	snapshots.Archiving, snapshots.ArchivedUntil = false, time.Time{}
	backupFact(t, w, v, snapshots)
	says(middle, "The state of "+middle.FinishedAt.UTC().Format(time.RFC3339))

	backupFact(t, w, v, points)
	says(oldest, "from "+oldest.FinishedAt.UTC().Format(time.RFC3339)+" to "+middle.FinishedAt.UTC().Format(time.RFC3339))
	says(middle, "can be restored without it too")
	says(newest, "can be restored without it too")

	w.System(t, func(tx store.Tx) error { // restored in place between the last two: no earlier backup reaches past that
		_, err := tx.Exec(t.Context(), `INSERT INTO rewinds (id, organization_id, instance_id, number, backup_id, safety_id, state, actor, created_at, finished_at, finished_real)
			SELECT gen_random_uuid(), organization_id, instance_id, 1, id, id, 'completed', 'a', created_at, created_at, $2 FROM backups WHERE id = $1`, middle.ID, newest.StartedAt.Add(-time.Minute))
		return err
	})
	says(newest, "No point in time from "+newest.FinishedAt.UTC().Format(time.RFC3339)+" on")

	w.Must(t, deleteBackup(w, oldest.ID, ""))
	w.Must(t, deleteBackup(w, middle.ID, ""))
	says(newest, "It is the last one")
}

func TestADeletedBackupCostsNothingFromThenOn(t *testing.T) {
	w, v := keeping(t)
	first, second := taken(w.Clock.Now().Add(-2*time.Hour)), taken(w.Clock.Now().Add(-time.Hour))
	fact := agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{first, second}}}
	backupFact(t, w, v, fact)
	if n := w.Count(t, "backup_segments WHERE superseded_at IS NULL AND to_at IS NULL AND bytes = $1", first.StoredBytes+second.StoredBytes); n != 1 {
		t.Fatalf("%d links for both", n)
	}
	for range 2 { // again changes nothing
		w.Must(t, deleteBackup(w, first.ID, ""))
	}
	if n := w.Count(t, "backup_segments WHERE superseded_at IS NULL AND to_at IS NULL AND bytes = $1", second.StoredBytes); n != 1 {
		t.Errorf("%d links for the one that is left", n)
	}
	if n := w.Count(t, "audit_events WHERE action = 'backup.delete'"); n != 1 {
		t.Errorf("audited %d times", n)
	}
	w.Must(t, deleteBackup(w, second.ID, ""))
	if n := w.Count(t, "backup_segments WHERE superseded_at IS NULL AND to_at IS NULL"); n != 0 {
		t.Errorf("%d links go on although nothing is kept", n)
	}
	backupFact(t, w, v, fact) // a late report
	if removed := expire(t, w); len(removed) != 2 {
		t.Errorf("removed: %+v", removed)
	}
	backupFact(t, w, v, fact)
	if l := list(t, w, "db1"); len(l.Items) != 0 {
		t.Errorf("still listed: %+v", l.Items)
	}
	again := second // for the same time of the schedule, taken anew
	again.StartedAt, again.FinishedAt = w.Clock.Now(), w.Clock.Now().Add(time.Minute)
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{again}}})
	if l := list(t, w, "db1"); len(l.Items) != 1 || l.Items[0].State != "completed" {
		t.Errorf("what was taken anew: %+v", l.Items)
	}
}

func TestDeletionsOfBackupsThatAreRefused(t *testing.T) {
	w, v := keeping(t)
	b := taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	mustRefuse(t, w, "not-found", "", deleteBackup(w, uuid.NewString(), ""))
	w.Must(t, ask(w, "db1"))
	mustRefuse(t, w, "not-completed", "", deleteBackup(w, list(t, w, "db1").Items[0].ID, ""))
	copied := w.Must(t, restore(w, api.RestoreFrom{Instance: "db1", Backup: b.ID}))
	mustRefuse(t, w, "restore-under-way", "", deleteBackup(w, b.ID, ""))
	w.Report(t, copied.ID, driver.StateRunning)
	w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Protect(ctx, tx, p, "db1", true)
	})
	mustRefuse(t, w, "invalid", "query.confirm", deleteBackup(w, b.ID, "db2"))
	w.Must(t, deleteBackup(w, b.ID, "db1"))
	mustRefuse(t, w, "invalid", "body.restoreFrom.backup", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		o := api.InstanceOrder{RestoreFrom: &api.RestoreFrom{Instance: "db1", Backup: b.ID}}
		o.Metadata.Name = "db3"
		return w.Service.Order(ctx, tx, p, o)
	})
}

func TestBackupsOfAPurgedInstanceAreDeleted(t *testing.T) {
	w, v := keeping(t)
	b := taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}}})
	v = w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Clock.Raise(w.Clock.Offset()+instance.Retention+time.Hour, time.Time{})
	if done, err := w.Service.PurgeDue(t.Context(), w.Store); err != nil || !done {
		t.Fatal(done, err)
	}
	w.Report(t, v.ID, driver.StateGone)
	if got := oneBackup(t, w, b.ID); got.IfDeleted == "" {
		t.Error("what is lost is not said")
	}
	w.Must(t, deleteBackup(w, b.ID, ""))
	if removed := expire(t, w); len(removed) != 1 || !removed[0].Last {
		t.Errorf("removed: %+v", removed)
	}
	if n := w.Count(t, "backup_segments WHERE superseded_at IS NULL AND to_at IS NULL"); n != 0 {
		t.Errorf("%d links go on although nothing is kept", n)
	}
}
