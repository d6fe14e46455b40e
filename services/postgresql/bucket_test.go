package postgresql

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/test/objectstore"
)

// inOwn is an order whose backups are kept in a bucket of the customer's.
func inOwn(store *objectstore.Store) driver.Instance {
	want := kept()
	place := *store.Place
	place.ID, place.Prefix = uuid.NewString(), "of/ours"
	want.Backup.Place = &place
	return want
}

func TestBackupsAreKeptInACustomersBucket(t *testing.T) {
	z, zoneStore := newBackupZone(t)
	own := objectstore.New(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	before := z.backup(want)

	moved := want // from now on in the bucket
	moved.Backup = inOwn(own).Backup
	moved.Backup.Key = want.Backup.Key
	moved.Generation++
	z.Bring(&moved)
	z.exec(users, "INSERT INTO numbers VALUES (101)")
	after := z.backup(moved)
	if got := z.backups(moved).Backups; len(got) != 1 || got[0].ID != after.ID {
		t.Fatalf("in the bucket there are %+v", got)
	}
	if got := z.backups(want).Backups; len(got) != 1 || got[0].ID != before.ID {
		t.Errorf("in the zone's place there are %+v", got)
	}
	if _, err := os.Stat(own.Data + "/of/ours/" + want.ID); err != nil {
		t.Errorf("below the prefix: %v", err)
	}
	for _, c := range []struct {
		from driver.Instance
		id   string
		at   time.Time
		rows int
	}{{want, before.ID, time.Time{}, 100}, {moved, after.ID, time.Now(), 101}} {
		copied := restored(c.from, c.id, c.at)
		at := z.Bring(&copied)
		if got := numbers(t, z, copied, at.Endpoint); len(got) != c.rows {
			t.Errorf("%d rows, want %d", len(got), c.rows)
		}
	}
	zoneStore.Stop() // the bucket does not need it
	if err := z.ExpireBackup(t.Context(), moved.BackupSource(), after.ID, false); err != nil {
		t.Fatal(err)
	}
}

func TestACustomersBucketGoesAwayDuringABackup(t *testing.T) {
	z, _ := newBackupZone(t)
	own := objectstore.New(t)
	want := inOwn(own)
	seen := z.Bring(&want)
	z.backup(want)
	if err := os.RemoveAll(own.Data); err != nil {
		t.Fatal(err)
	}
	err := z.TakeBackup(t.Context(), want, driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()})
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.Permanent || blocked.BlockedBy != "you" || !strings.Contains(blocked.Message, "Your bucket backups") || !strings.Contains(blocked.Message, "not there any more") {
		t.Fatalf("with the bucket away: %v", err)
	}
	if strings.Contains(blocked.Message, want.Backup.Place.SecretKey) {
		t.Error("a secret is told")
	}
	if n := count(t, z.user(want, seen.Endpoint), "pg_tables"); n == 0 {
		t.Error("the instance does not serve meanwhile")
	}
}
