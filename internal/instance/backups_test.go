package instance_test

import (
	"context"
	"slices"
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

// keeping is a world whose zone keeps backups, with an instance that runs.
func keeping(t *testing.T) (*instancetest.World, instance.View) {
	t.Helper()
	w := instancetest.New(t)
	w.Service.RealNow = w.Clock.Now
	w.System(t, func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', 'true')")
		return err
	})
	v := w.Order(t, "db1")
	w.Report(t, v.ID, driver.StateRunning)
	return w, v
}

// backupFact takes in what the zone says of an instance's backups.
func backupFact(t *testing.T, w *instancetest.World, v instance.View, is agentapi.BackupFact) {
	t.Helper()
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.Observation, f.RealAt, f.Backups = driver.Observation{}, w.Clock.Now(), &is
	for range 2 { // what was taken in before changes nothing
		w.System(t, func(tx store.Tx) error { return w.Service.Apply(t.Context(), tx, v.ZoneID, 1, f) })
	}
	if n := w.Count(t, "backup_reports WHERE sequence = $1", f.Sequence); n != 1 {
		t.Errorf("the report is there %d times", n)
	}
}

// taken is a backup that was begun at that time and took a minute.
func taken(at time.Time) driver.Backup {
	return driver.Backup{ID: uuid.NewString(), Kind: "scheduled", At: at, StartedAt: at, FinishedAt: at.Add(time.Minute), SizeBytes: 1 << 20, StoredBytes: 1 << 10}
}

func list(t *testing.T, w *instancetest.World, name string) (out api.BackupList) {
	t.Helper()
	err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		out, err = w.Service.Backups(t.Context(), tx, w.Acme, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func statesOf(l api.BackupList) (all []string) {
	for _, b := range l.Items {
		all = append(all, b.State)
	}
	return all
}

func ask(w *instancetest.World, name string) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		if _, err := w.Service.BackUp(ctx, tx, p, name); err != nil {
			return instance.View{}, err
		}
		return w.Service.Get(ctx, tx, p, name)
	}
}

func restore(w *instancetest.World, from api.RestoreFrom, change ...func(*api.InstanceSpec)) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		o := api.InstanceOrder{RestoreFrom: &from}
		o.Metadata.Name = "db2"
		for _, f := range change {
			f(&o.Spec)
		}
		return w.Service.Order(ctx, tx, p, o)
	}
}

func TestBackupsByDefaultAndOnRequest(t *testing.T) {
	w, v := keeping(t)
	l := list(t, w, "db1")
	if !l.Enabled || l.Next == nil || !l.Next.After(w.Clock.Now()) || len(l.Items) != 0 || l.From != nil {
		t.Errorf("of a new instance: %+v", l)
	}
	w.Must(t, ask(w, "db1"))
	mustRefuse(t, w, "backup-under-way", "", ask(w, "db1"))
	wanted := list(t, w, "db1").Items[0]
	order := driver.BackupOrder{ID: wanted.ID, Kind: "requested", At: w.Clock.Now()}
	backupFact(t, w, v, agentapi.BackupFact{Attempts: []agentapi.BackupAttempt{{BackupOrder: order}}})
	if got := list(t, w, "db1").Items[0]; got.State != "running" || got.StartedAt == nil {
		t.Errorf("while it runs: %+v", got)
	}
	backupFact(t, w, v, agentapi.BackupFact{Attempts: []agentapi.BackupAttempt{{BackupOrder: order, Problem: "no place", GivenUp: true}}})
	if got := list(t, w, "db1").Items[0]; got.State != "failed" || got.Message != "no place" {
		t.Errorf("given up: %+v", got)
	}
	w.Must(t, ask(w, "db1")) // the one before has come to its end
}

func TestNoBackupsWhereTheZoneKeepsNone(t *testing.T) {
	w := instancetest.New(t)
	on := true
	if v := w.Order(t, "db1"); *v.API(time.Now()).Spec.Backup.Enabled {
		t.Error("backups are on where none can be kept")
	}
	if l := list(t, w, "db1"); l.Unavailable == "" || l.Enabled {
		t.Errorf("where none can be kept: %+v", l)
	}
	mustRefuse(t, w, "invalid", "body.spec.backup.enabled", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, instancetest.Order("db2", func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{Enabled: &on} }))
	})
	mustRefuse(t, w, "backups-off", "", ask(w, "db1"))
}

func TestBadPlansOfBackupsAreRefused(t *testing.T) {
	w, _ := keeping(t)
	spread := 2000
	for field, spec := range map[string]api.BackupSpec{
		"body.spec.backup.at":            {At: "25:00"},
		"body.spec.backup.timeZone":      {TimeZone: "Mars/Olympus"},
		"body.spec.backup.spreadMinutes": {SpreadMinutes: &spread},
		"body.spec.backup.keep.last":     {Keep: &api.BackupKeep{Daily: 7}},
		"body.spec.backup.keep":          {Keep: &api.BackupKeep{Last: 1, Daily: 1000}},
	} {
		t.Run(field, func(t *testing.T) {
			mustRefuse(t, w, "invalid", field, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
				return w.Service.Order(ctx, tx, p, instancetest.Order("db2", func(s *api.InstanceSpec) { s.Backup = &spec }))
			})
		})
	}
}

func TestReportsOfBackupsCanBeRepeated(t *testing.T) {
	w, v := keeping(t)
	old, new := taken(w.Clock.Now().AddDate(0, 0, -40)), taken(w.Clock.Now().Add(-time.Hour))
	fact := agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{old, new}, Archiving: true, ArchivedUntil: w.Clock.Now()}}
	for range 3 {
		backupFact(t, w, v, fact)
	}
	l := list(t, w, "db1")
	if !slices.Equal(statesOf(l), []string{"completed", "completed"}) || l.From == nil || l.Until == nil {
		t.Fatalf("%+v", l)
	}
	w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Update(ctx, tx, p, "db1", instancetest.Put(func(s *api.InstanceSpec) { s.Backup = &api.BackupSpec{Keep: &api.BackupKeep{Last: 1}} }), instancetest.AnyVersion)
	})
	backupFact(t, w, v, fact)
	expire(t, w)
	if l := list(t, w, "db1"); len(l.Items) != 1 || l.Items[0].ID != new.ID {
		t.Errorf("after one has expired: %+v", l.Items)
	}
	backupFact(t, w, v, fact) // a late one
	if l := list(t, w, "db1"); len(l.Items) != 1 {
		t.Errorf("what has expired came back: %+v", l.Items)
	}
}

// expire has everything that no rule keeps removed, as the zone would.
func expire(t *testing.T, w *instancetest.World) (removed []instance.ExpiringBackup) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.Service.MarkExpired(t.Context(), w.Store); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := w.Service.Expiring(t.Context(), w.Store, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range removed {
		for range 2 {
			if err := w.Service.Expired(t.Context(), w.Store, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	return removed
}

func TestABackupThatIsNotThereAnyMoreIsLost(t *testing.T) {
	w, v := keeping(t)
	is := agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{taken(w.Clock.Now().Add(-time.Hour))}}}
	backupFact(t, w, v, is)
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Message: "The place cannot be reached."}})
	if l := list(t, w, "db1"); l.Items[0].State != "completed" || l.Message == "" {
		t.Errorf("while nobody can look: %+v", l)
	}
	backupFact(t, w, v, agentapi.BackupFact{})
	if got := list(t, w, "db1").Items[0]; got.State != "lost" || got.Message == "" {
		t.Errorf("gone: %+v", got)
	}
	backupFact(t, w, v, is)
	if got := list(t, w, "db1").Items[0]; got.State != "completed" {
		t.Errorf("found again: %+v", got)
	}
}

func TestBackupsOutliveTheInstance(t *testing.T) {
	w, v := keeping(t)
	b := taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	v = w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Delete(ctx, tx, p, "db1", instancetest.AnyVersion)
	})
	w.Report(t, v.ID, driver.StateStopped)
	w.Clock.Raise(w.Clock.Offset()+instance.Retention+time.Hour, time.Time{})
	if done, err := w.Service.PurgeDue(t.Context(), w.Store); err != nil || !done {
		t.Fatal(done, err)
	}
	w.System(t, func(tx store.Tx) (err error) { v, err = w.Service.ByID(t.Context(), tx, v.ID); return err })
	w.Report(t, v.ID, driver.StateGone)
	l := list(t, w, "db1")
	if l.Phase != api.PhasePurged || l.Enabled || l.Next != nil || len(l.Items) != 1 || l.Until == nil {
		t.Fatalf("of a purged instance: %+v", l)
	}
	if removed := expire(t, w); len(removed) != 0 {
		t.Errorf("expired with the instance: %+v", removed)
	}
	copied := w.Must(t, restore(w, api.RestoreFrom{Instance: "db1", Time: l.Until}))
	w.Clock.Raise(w.Clock.Offset()+60*24*time.Hour, time.Time{})
	if removed := expire(t, w); len(removed) != 0 {
		t.Error("a backup expired while it was being restored")
	}
	w.Report(t, copied.ID, driver.StateRunning)
	w.Clock.Raise(w.Clock.Offset()+2*time.Hour, time.Time{})
	if removed := expire(t, w); len(removed) != 1 || !removed[0].Last || removed[0].Of.Key == "" {
		t.Errorf("at last: %+v", removed)
	}
	if l := list(t, w, "db1"); len(l.Items) != 0 {
		t.Errorf("still listed: %+v", l)
	}
}

func TestARestoredInstanceIsLikeTheOneBefore(t *testing.T) {
	w, v := keeping(t)
	first, second := taken(w.Clock.Now().Add(-3*time.Hour)), taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{first, second}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	between := first.FinishedAt.Add(time.Hour)
	for _, c := range []struct {
		from api.RestoreFrom
		want string
	}{
		{api.RestoreFrom{Instance: "db1", Backup: second.ID}, second.ID},
		{api.RestoreFrom{Instance: "db1", Time: &between}, first.ID},
	} {
		t.Run(c.want, func(t *testing.T) {
			var backup string
			v := w.Must(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
				o := api.InstanceOrder{RestoreFrom: &c.from}
				o.Metadata.Name = "copy-" + c.want[:8]
				if o.Metadata.Name[5] < 'a' {
					o.Metadata.Name = "copy-x" + c.want[:8]
				}
				v, err := w.Service.Order(ctx, tx, p, o)
				if err != nil {
					return v, err
				}
				return v, tx.QueryRow(ctx, "SELECT backup_id::text FROM restores WHERE instance_id = $1", v.ID).Scan(&backup)
			})
			if backup != c.want || v.Plan != "small" || v.Zone != "local" || v.StorageGib != 10 || !*v.API(time.Now()).Spec.Backup.Enabled {
				t.Errorf("restored from %s, want %s: %+v", backup, c.want, v)
			}
		})
	}
}

func TestRestoresThatAreRefused(t *testing.T) {
	w, v := keeping(t)
	b := taken(w.Clock.Now().Add(-time.Hour))
	backupFact(t, w, v, agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: []driver.Backup{b}, Archiving: true, ArchivedUntil: w.Clock.Now()}})
	w.Must(t, ask(w, "db1"))
	wanted := list(t, w, "db1").Items[0].ID
	early, late := b.StartedAt, w.Clock.Now().Add(time.Hour)
	for _, c := range []struct {
		name, field string
		from        api.RestoreFrom
		change      func(*api.InstanceSpec)
	}{
		{"neither", "body.restoreFrom", api.RestoreFrom{Instance: "db1"}, nil},
		{"both", "body.restoreFrom", api.RestoreFrom{Instance: "db1", Backup: b.ID, Time: &late}, nil},
		{"no such instance", "body.restoreFrom.instance", api.RestoreFrom{Instance: "nothing", Backup: b.ID}, nil},
		{"no such backup", "body.restoreFrom.backup", api.RestoreFrom{Instance: "db1", Backup: uuid.NewString()}, nil},
		{"not a backup", "body.restoreFrom.backup", api.RestoreFrom{Instance: "db1", Backup: "nonsense"}, nil},
		{"not completed", "body.restoreFrom.backup", api.RestoreFrom{Instance: "db1", Backup: wanted}, nil},
		{"too early", "body.restoreFrom.time", api.RestoreFrom{Instance: "db1", Time: &early}, nil},
		{"in the future", "body.restoreFrom.time", api.RestoreFrom{Instance: "db1", Time: &late}, nil},
		{"another zone", "body.spec.zone", api.RestoreFrom{Instance: "db1", Backup: b.ID}, func(s *api.InstanceSpec) { s.Zone = "elsewhere" }},
		{"another service", "body.spec.service", api.RestoreFrom{Instance: "db1", Backup: b.ID}, func(s *api.InstanceSpec) { s.Service = "redis" }},
		{"less storage", "body.spec.storageGiB", api.RestoreFrom{Instance: "db1", Backup: b.ID}, func(s *api.InstanceSpec) { s.StorageGiB = 5 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*api.InstanceSpec) {}
			}
			mustRefuse(t, w, "invalid", c.field, restore(w, c.from, change))
		})
	}
}
