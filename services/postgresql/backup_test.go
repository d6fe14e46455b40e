package postgresql

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/test/objectstore"
)

// newBackupZone is a zone with a place for backups.
func newBackupZone(t *testing.T) (*zone, *objectstore.Store) {
	t.Helper()
	if why := newEngine("").NoBackups(); why != "" {
		t.Skip(why)
	}
	t.Parallel() // most of the time is waiting for pgBackRest
	store := objectstore.New(t)
	return newZone(t, func(c *process.Config) { c.Backups = store.Place }), store
}

// kept is an order with backups.
func kept() driver.Instance {
	want := order()
	want.Backup = &driver.BackupSettings{Key: "a-key-of-the-instance-" + want.ID}
	return want
}

func (z *zone) backup(want driver.Instance) driver.BackupOrder {
	z.T.Helper()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
	if err := z.TakeBackup(z.T.Context(), want, o); err != nil {
		z.T.Fatalf("take a backup: %v", err)
	}
	return o
}

func (z *zone) backups(want driver.Instance) driver.BackupReport {
	z.T.Helper()
	report, err := z.Backups(z.T.Context(), want.BackupSource())
	if err != nil {
		z.T.Fatalf("list the backups: %v", err)
	}
	return report
}

// restored is an order that is made of a backup.
func restored(from driver.Instance, backup string, at time.Time) driver.Instance {
	want := kept()
	want.Credentials[0].Login = "bob"
	want.Restore = &driver.Restore{From: from.BackupSource(), BackupID: backup, Time: at}
	return want
}

func numbers(t *testing.T, z *zone, want driver.Instance, at *driver.Endpoint) (all []int) {
	t.Helper()
	rows, err := z.user(want, at).Query(t.Context(), "SELECT n FROM numbers ORDER BY n")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

func TestRestoreGivesExactlyTheRowsOfThatSecond(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	taken := z.backup(want)
	z.backup(want) // a second one, which the point in time is before or after
	report := z.backups(want)
	if len(report.Backups) != 2 || report.Backups[0].ID != taken.ID || !report.Backups[0].At.Equal(taken.At) || report.Backups[0].Kind != "requested" ||
		report.Backups[0].SizeBytes < 1<<20 || report.Backups[0].StoredBytes < 1<<10 || !report.Archiving {
		t.Fatalf("reported %+v", report)
	}
	z.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	var moment time.Time
	if err := users.QueryRow(t.Context(), "SELECT clock_timestamp() FROM pg_sleep(0.01)").Scan(&moment); err != nil {
		t.Fatal(err)
	}
	z.exec(users, "SELECT pg_sleep(0.01)")
	z.exec(users, "DELETE FROM numbers WHERE n % 2 = 0")

	for _, test := range []struct {
		name string
		at   time.Time
		want int
	}{
		{"the end of the backup", time.Time{}, 100},
		{"a point in time", moment, 200},
		{"now, with nothing changed since", time.Now(), 100},
	} {
		t.Run(test.name, func(t *testing.T) {
			z.T = t
			copied := restored(want, taken.ID, test.at)
			at := z.Bring(&copied)
			if got := numbers(t, z, copied, at.Endpoint); len(got) != test.want {
				t.Errorf("%d rows, want %d: %v", len(got), test.want, got)
			}
			if _, err := dial(t.Context(), at.Endpoint, "alice", want.Credentials[0].Password); err == nil {
				t.Error("the old log-in works")
			}
			z.exec(z.user(copied, at.Endpoint), "INSERT INTO numbers VALUES (1000)")
			z.backup(copied) // it has backups of its own
			if len(z.backups(copied).Backups) != 1 || len(z.backups(want).Backups) != 2 {
				t.Error("the copy's backups are among those of where it came from")
			}
			if err := z.Driver.Remove(t.Context(), copied.ID); err != nil {
				t.Fatal(err)
			}
		})
	}
	z.T = t
	if n := count(t, users, "numbers"); n != 100 {
		t.Errorf("where it was restored from has %d rows", n)
	}
}

func TestBackupsOutliveTheInstance(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	first := z.backup(want)
	z.exec(users, "INSERT INTO numbers VALUES (101)")
	second := z.backup(want)
	z.exec(users, "INSERT INTO numbers VALUES (102)")
	if _, err := z.Driver.Stop(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if err := z.Driver.Remove(t.Context(), want.ID); err != nil {
		t.Fatal(err)
	}
	if got := z.backups(want).Backups; len(got) != 2 {
		t.Fatalf("%d backups are left", len(got))
	}
	if err := z.ExpireBackup(t.Context(), want.BackupSource(), first.ID, false); err != nil {
		t.Fatal(err)
	}
	if got := z.backups(want).Backups; len(got) != 1 || got[0].ID != second.ID {
		t.Fatalf("after one has expired there are %+v", got)
	}
	copied := restored(want, second.ID, time.Now()) // what was changed last was put away when it stopped
	at := z.Bring(&copied)
	if got := numbers(t, z, copied, at.Endpoint); len(got) != 102 {
		t.Errorf("%d rows, want 102", len(got))
	}
	for range 2 { // what is not there is gone
		if err := z.ExpireBackup(t.Context(), want.BackupSource(), second.ID, true); err != nil {
			t.Fatal(err)
		}
	}
	if got := z.backups(want).Backups; len(got) != 0 {
		t.Errorf("after the last has expired there are %+v", got)
	}
}

func TestTheOnlyBackupOfARunningInstanceIsDeleted(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	only := z.backup(want)
	for range 2 { // what is not there is gone
		if err := z.ExpireBackup(t.Context(), want.BackupSource(), only.ID, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := z.backups(want); len(got.Backups) != 0 {
		t.Fatalf("there are %+v", got)
	}
	z.exec(users, "INSERT INTO numbers VALUES (101)")
	next := z.backup(want) // for the same time of the schedule, it may have the same ID
	copied := restored(want, next.ID, time.Now())
	at := z.Bring(&copied)
	if got := numbers(t, z, copied, at.Endpoint); len(got) != 101 {
		t.Errorf("%d rows, want 101", len(got))
	}
}

func TestABackupIsTakenOnce(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	o := z.backup(want)
	z.Reopen()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := z.TakeBackup(t.Context(), want, o); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if got := z.backups(want).Backups; len(got) != 1 {
		t.Errorf("%d backups", len(got))
	}
}

func TestABackupThatIsCutShortIsTakenAnew(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	for _, after := range []time.Duration{50, 400, 900} {
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		_ = z.TakeBackup(ctx, want, o)
		cancel()
	}
	if err := z.TakeBackup(t.Context(), want, o); err != nil {
		t.Fatal(err)
	}
	if got := z.backups(want).Backups; len(got) != 1 || got[0].ID != o.ID {
		t.Errorf("there are %+v", got)
	}
}

// TestARepositoryThatWasHalfPrepared is of one that the agent was killed in while it
// prepared it: it is begun anew, but only where it holds no backup.
func TestARepositoryThatWasHalfPrepared(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	z.backup(want)
	folder := filepath.Join(store.Data, want.ID, "backup", stanza)
	remove := func(pattern string) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d found, %v", pattern, len(found), err)
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove("backup.info*")
	var blocked *driver.BlockedError
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	if err := z.TakeBackup(t.Context(), want, o); !errors.As(err, &blocked) {
		t.Fatalf("with a backup that is not known any more: %v", err)
	}
	remove("*F") // the backups themselves
	z.backup(want)
	if got := z.backups(want).Backups; len(got) != 1 {
		t.Errorf("there are %+v", got)
	}
}

func TestTheStoreIsAwayDuringABackup(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	z.backup(want)
	store.Stop()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	err := z.TakeBackup(ctx, want, o)
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.Permanent || !strings.Contains(blocked.Message, "place for backups") {
		t.Fatalf("with the store away: %v", err)
	}
	if n := count(t, z.user(want, seen.Endpoint), "pg_tables"); n == 0 {
		t.Error("the instance does not serve meanwhile")
	}
	store.Start()
	if err := z.TakeBackup(t.Context(), want, o); err != nil {
		t.Fatal(err)
	}
	if got := z.backups(want); len(got.Backups) != 2 {
		t.Errorf("there are %+v", got)
	}
}

func TestADamagedBackupIsSaidAtRestore(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	o := z.backup(want)
	store.Spoil(filepath.Join(want.ID, "backup", stanza), "/bundle/")
	copied := restored(want, o.ID, time.Time{})
	_, err := z.Ensure(t.Context(), copied)
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || !blocked.Permanent || !strings.Contains(blocked.Message, "damaged") {
		t.Fatalf("restored from a damaged backup: %v", err)
	}
}

func TestChangesThatAreMissingAreSaidAndNotLeftOut(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int)")
	o := z.backup(want)
	var files []string
	for i := range 2 {
		z.exec(users, "INSERT INTO numbers VALUES (1)")
		host, err := z.Driver.Backups(t.Context(), want.BackupSource())
		if err != nil || !host.Archiving {
			t.Fatalf("%d: %+v, %v", i, host, err)
		}
		copied := restored(want, o.ID, time.Now()) // puts away what there is
		z.Bring(&copied)
		if err := z.Driver.Remove(t.Context(), copied.ID); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(filepath.Join(store.Data, want.ID, "archive", stanza), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".zst") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("files of changes %v: %v", files, err)
	}
	if err := os.Remove(files[len(files)-2]); err != nil {
		t.Fatal(err)
	}
	_, err = z.Ensure(t.Context(), restored(want, o.ID, time.Now()))
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || !blocked.Permanent || !strings.Contains(blocked.Message, "missing") {
		t.Fatalf("with changes missing: %v", err)
	}
}

func TestTwoRestoresAtOnceWhileABackupRuns(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	o := z.backup(want)
	var all sync.WaitGroup
	all.Go(func() { z.backup(want) })
	copies := make([]driver.Instance, 2)
	for i := range copies {
		copies[i] = restored(want, o.ID, time.Now())
		all.Go(func() {
			if _, err := z.Ensure(t.Context(), copies[i]); err != nil {
				t.Errorf("restore %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for _, c := range copies {
		at, err := z.Observe(t.Context(), c.ID)
		if err != nil || at.State != driver.StateRunning {
			t.Fatalf("%+v, %v", at, err)
		}
		if got := numbers(t, z, c, at.Endpoint); len(got) != 100 {
			t.Errorf("%d rows", len(got))
		}
	}
}

func TestDeletedDuringRestore(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	o := z.backup(want)
	copied := restored(want, o.ID, time.Time{})
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	_, _ = z.Ensure(ctx, copied)
	cancel()
	if err := z.Driver.Remove(t.Context(), copied.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Observe(t.Context(), copied.ID); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("something is left: %v", err)
	}
	if got := z.backups(want).Backups; len(got) != 1 {
		t.Errorf("%d backups are left", len(got))
	}
}

func TestTheKeyIsInNoFileThatOthersCanRead(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	z.Bring(&want)
	z.backup(want)
	place, err := z.Supervisor.Find(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{place.Folder, z.Config.Dir} {
		err = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			info, missing := entry.Info()
			if err != nil || missing != nil {
				return nil
			}
			secret := strings.Contains(string(text), want.Backup.Key) || strings.Contains(string(text), store.Place.SecretKey)
			if secret && info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o and holds a secret", path, info.Mode().Perm())
			}
			if secret && !strings.HasSuffix(path, "pgbackrest.conf") {
				t.Errorf("%s holds a secret", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
