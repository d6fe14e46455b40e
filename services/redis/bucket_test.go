package redis

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/test/objectstore"
)

func TestSnapshotsAreKeptInACustomersBucket(t *testing.T) {
	z, zoneStore := newBackupZone(t)
	own := objectstore.New(t)
	place := *own.Place
	place.ID, place.Prefix = uuid.NewString(), "of/ours"
	want := kept()
	want.Backup.Place = &place
	users := user(t, want, z.Bring(&want).Endpoint)
	zoneStore.Stop() // the bucket does not need it
	do(t, users, "SET", "n", 1)
	taken := backUp(t, z, want)
	if got := held(t, z, want); len(got) != 1 || got[0].ID != taken.ID {
		t.Fatalf("there are %+v", got)
	}
	if _, err := os.Stat(own.Data + "/of/ours/" + want.ID); err != nil {
		t.Errorf("below the prefix: %v", err)
	}
	copied := kept()
	copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: taken.ID}
	if n, err := redis.Int(user(t, copied, z.Bring(&copied).Endpoint).Do("GET", "n")); err != nil || n != 1 {
		t.Errorf("restored %d, %v", n, err)
	}
	refused := place
	refused.SecretKey = "another-secret"
	want.Backup = &driver.BackupSettings{Key: want.Backup.Key, Place: &refused}
	err := z.Driver.TakeBackup(t.Context(), want, driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()})
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.Permanent || blocked.BlockedBy != "you" || !strings.Contains(blocked.Message, "refuses the access key") || strings.Contains(blocked.Message, "another-secret") {
		t.Fatalf("with another secret key: %v", err)
	}
}
