//go:build e2e

package postgresql

import (
	"cmp"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/test/objectstore"
)

// envHost is this machine's address, as pods reach it.
const envHost = "SOUK_E2E_HOST"

// newBackupPlace is a zone in a cluster with a place for backups.
func newBackupPlace(t *testing.T, zone string) (*place, *objectstore.Store) {
	t.Helper()
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	return newPlace(t, zone, backedUpAt(store.Place)), store
}

// backedUpAt has a zone keep its backups at a place.
func backedUpAt(at *driver.BackupPlace) func(*kubernetes.Config, *clusterConfig) {
	return func(c *kubernetes.Config, _ *clusterConfig) { c.Place = at }
}

// keeping has an order keep backups.
func keeping(want *driver.Instance) *driver.Instance {
	want.Backup = &driver.BackupSettings{Key: "a-key-of-the-instance-" + want.ID}
	return want
}

func (p *place) backup(want *driver.Instance) driver.BackupOrder {
	p.t.Helper()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
	if err := p.TakeBackup(p.t.Context(), *want, o); err != nil {
		p.t.Fatalf("take a backup: %v", err)
	}
	return o
}

func (p *place) report(want *driver.Instance) driver.BackupReport {
	p.t.Helper()
	report, err := p.Backups(p.t.Context(), want.BackupSource())
	if err != nil {
		p.t.Fatalf("list the backups: %v", err)
	}
	return report
}

func (p *place) rows(want *driver.Instance, at *driver.Endpoint) (n int) {
	p.t.Helper()
	if err := p.user(want, at).QueryRow(p.t.Context(), "SELECT count(*) FROM numbers").Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

// restoredFrom is an order that is made of a backup.
func (p *place) restoredFrom(want *driver.Instance, backup string, at time.Time) *driver.Instance {
	copied := keeping(p.order())
	copied.Credentials[0].Login = "bob"
	copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: backup, Time: at}
	return copied
}

// TestClusterBackups takes backups, restores points in time exactly, and loses no
// backup with the instance.
func TestClusterBackups(t *testing.T) {
	t.Parallel()
	p, _ := newBackupPlace(t, "backups")
	want := keeping(p.order())
	seen := p.running(want)
	users := p.user(want, seen.Endpoint)
	p.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	first := p.backup(want)
	if err := p.TakeBackup(t.Context(), *want, first); err != nil { // it is there
		t.Fatal(err)
	}
	report := p.report(want)
	if len(report.Backups) != 1 || report.Backups[0].ID != first.ID || !report.Backups[0].At.Equal(first.At) || report.Backups[0].Kind != "requested" ||
		report.Backups[0].SizeBytes < 1<<20 || report.Backups[0].StoredBytes < 1<<10 || !report.Archiving || report.ArchivedUntil.IsZero() {
		t.Fatalf("reported %+v", report)
	}
	p.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	var moment time.Time
	if err := users.QueryRow(t.Context(), "SELECT clock_timestamp() FROM pg_sleep(0.01)").Scan(&moment); err != nil {
		t.Fatal(err)
	}
	p.exec(users, "SELECT pg_sleep(0.01)")
	p.exec(users, "DELETE FROM numbers WHERE n % 2 = 0")
	for _, test := range []struct {
		name string
		at   time.Time
		want int
	}{
		{"the end of the backup", time.Time{}, 100},
		{"a point in time", moment, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.on(t)
			copied := p.restoredFrom(want, first.ID, test.at)
			at := p.running(copied)
			if got := p.rows(copied, at.Endpoint); got != test.want {
				t.Errorf("%d rows, want %d", got, test.want)
			}
			if _, err := dial(t.Context(), at.Endpoint, "alice", want.Credentials[0].Password); err == nil {
				t.Error("the old log-in works")
			}
			p.exec(p.user(copied, at.Endpoint), "INSERT INTO numbers VALUES (1000)")
			p.backup(copied) // it has backups of its own
			if len(p.report(copied).Backups) != 1 || len(p.report(want).Backups) != 1 {
				t.Error("the copy's backups are among those of where it came from")
			}
		})
	}
	if n := p.rows(want, seen.Endpoint); n != 100 {
		t.Errorf("where it was restored from has %d rows", n)
	}
	second := p.backup(want)
	p.exec(users, "INSERT INTO numbers SELECT generate_series(1001, 1011)")
	if _, err := p.Stop(t.Context(), *want); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	if err := p.Remove(t.Context(), want.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.report(want).Backups; len(got) != 2 {
		t.Fatalf("of the removed instance there is %+v", got)
	}
	t.Run("a removed instance, to after its last change", func(t *testing.T) {
		p := p.on(t)
		copied := p.restoredFrom(want, second.ID, stopped)
		if got := p.rows(copied, p.running(copied).Endpoint); got != 111 {
			t.Errorf("%d rows, want 111", got)
		}
	})
	for i, o := range []driver.BackupOrder{first, second} {
		if err := p.ExpireBackup(t.Context(), want.BackupSource(), o.ID, i == 1); err != nil {
			t.Fatal(err)
		}
		if got := p.report(want).Backups; len(got) != 1-i {
			t.Errorf("there are %+v", got)
		}
	}
}

// TestClusterBackupPlaceAway has a backup fail in plain words while the place is away,
// and the next one succeed; nothing of the instance is affected.
func TestClusterBackupPlaceAway(t *testing.T) {
	t.Parallel()
	p, store := newBackupPlace(t, "backups-away")
	want := keeping(p.order())
	seen := p.running(want)
	store.Stop()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC()}
	var blocked *driver.BlockedError
	if err := p.TakeBackup(t.Context(), *want, o); !errors.As(err, &blocked) || blocked.BlockedBy != "operator" {
		t.Errorf("taken: %v", err)
	}
	if _, err := p.Backups(t.Context(), want.BackupSource()); !errors.As(err, &blocked) {
		t.Errorf("listed: %v", err)
	}
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE numbers (n int)")
	store.Start()
	for until := time.Now().Add(long); ; time.Sleep(time.Second) {
		err := p.TakeBackup(t.Context(), *want, o)
		if err == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
	if got := p.report(want); len(got.Backups) != 1 || got.Backups[0].ID != o.ID {
		t.Errorf("%+v", got)
	}
}

// TestClusterBackupKeyWrong says plainly that the place cannot be used.
func TestClusterBackupKeyWrong(t *testing.T) {
	t.Parallel()
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	wrong := *objectstore.At(t, host, host).Place
	wrong.SecretKey = "a-guess"
	p := newPlace(t, "backups-wrong", backedUpAt(&wrong))
	want := keeping(p.order())
	seen := p.running(want)
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC()}
	var blocked *driver.BlockedError
	if err := p.TakeBackup(t.Context(), *want, o); !errors.As(err, &blocked) || blocked.BlockedBy != "operator" {
		t.Errorf("taken: %v", err)
	}
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE numbers (n int)")
}
