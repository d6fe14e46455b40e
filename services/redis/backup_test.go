package redis

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/process"
	"souk/internal/driver/process/processtest"
	"souk/test/objectstore"
)

// newBackupZone is a zone with a place for backups.
func newBackupZone(t *testing.T) (*processtest.Zone, *objectstore.Store) {
	t.Helper()
	if why := newEngine("").NoBackups(); why != "" {
		t.Skip(why)
	}
	t.Parallel()
	store := objectstore.New(t)
	return processtest.New(t, ProcessEngine(), func(c *process.Config) { c.Backups = store.Place }), store
}

// kept is an order with backups.
func kept() driver.Instance {
	want := order()
	want.Backup = &driver.BackupSettings{Key: "a-key-of-the-instance-" + want.ID}
	return want
}

func backUp(t *testing.T, z *processtest.Zone, want driver.Instance) driver.BackupOrder {
	t.Helper()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
	for range 2 { // the same again takes nothing
		if err := z.Driver.TakeBackup(t.Context(), want, o); err != nil {
			t.Fatalf("take a backup: %v", err)
		}
	}
	return o
}

func held(t *testing.T, z *processtest.Zone, want driver.Instance) []driver.Backup {
	t.Helper()
	report, err := z.Driver.Backups(t.Context(), want.BackupSource())
	if err != nil || report.Archiving || !report.ArchivedUntil.IsZero() {
		t.Fatalf("list the backups: %+v, %v", report, err)
	}
	return report.Backups
}

func TestSnapshotsAreKeptRestoredAndExpire(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	users := user(t, want, z.Bring(&want).Endpoint)
	if got := held(t, z, want); len(got) != 0 {
		t.Fatalf("before the first there are %+v", got)
	}
	do(t, users, "SET", "n", 1)
	first := backUp(t, z, want)
	do(t, users, "SET", "n", 2)
	second := backUp(t, z, want)
	do(t, users, "SET", "n", 3)
	got := held(t, z, want)
	if len(got) != 2 || got[0].ID != first.ID || got[1].ID != second.ID || !got[0].At.Equal(first.At) || got[0].Kind != "requested" || got[0].SizeBytes == 0 || got[0].StoredBytes == 0 || !got[0].FinishedAt.After(got[0].StartedAt) {
		t.Fatalf("there are %+v", got)
	}
	for id, n := range map[string]int{first.ID: 1, second.ID: 2} {
		copied := kept()
		copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: id}
		at := z.Bring(&copied)
		conn := user(t, copied, at.Endpoint)
		if got, err := redis.Int(do(t, conn, "GET", "n"), nil); err != nil || got != n {
			t.Errorf("restored %d, %v; want %d", got, err, n)
		}
		do(t, conn, "SET", "n", 100)
		if _, err := z.Driver.Stop(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if _, err := z.Driver.Ensure(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if got, err := redis.Int(do(t, user(t, copied, at.Endpoint), "GET", "n"), nil); err != nil || got != 100 {
			t.Errorf("after a restart there is %d, %v", got, err)
		}
		if err := z.Driver.Remove(t.Context(), copied.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Driver.Remove(t.Context(), want.ID); err != nil {
		t.Fatal(err)
	}
	for _, last := range []bool{false, true} {
		of := map[bool]string{false: first.ID, true: second.ID}[last]
		for range 2 { // what is not there is gone
			if err := z.Driver.ExpireBackup(t.Context(), want.BackupSource(), of, last); err != nil {
				t.Fatal(err)
			}
		}
		if n, left := len(held(t, z, want)), map[bool]int{false: 1, true: 0}[last]; n != left {
			t.Errorf("%d are left, want %d", n, left)
		}
	}
}

func TestADamagedSnapshotIsSaidAtRestore(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	users := user(t, want, z.Bring(&want).Endpoint)
	do(t, users, "SET", "n", strings.Repeat("x", 1000))
	large := make([]byte, 16<<20) // of several pieces, which a later snapshot would share
	_, _ = rand.Read(large)
	do(t, users, "SET", "large", large)
	o := backUp(t, z, want)
	spoiled := 0
	err := filepath.WalkDir(filepath.Join(store.Data, want.ID, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || len(text) < 100 {
			return err
		}
		if strings.Contains(string(text), "xxxxxxxx") {
			t.Errorf("%s is not encrypted", path)
		}
		for i := range 50 {
			text[i] ^= 0xff
		}
		spoiled++
		return os.WriteFile(path, text, 0o600)
	})
	if err != nil || spoiled == 0 {
		t.Fatalf("%d files spoiled: %v", spoiled, err)
	}
	copied := kept()
	copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: o.ID}
	_, err = z.Driver.Ensure(t.Context(), copied)
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || !blocked.Permanent || !strings.Contains(blocked.Message, "damaged") {
		t.Fatalf("restored from a damaged snapshot: %v", err)
	}
	// The next one relies on nothing of it.
	second := backUp(t, z, want)
	if got := held(t, z, want); len(got) != 2 || got[0].ID != o.ID || got[1].ID != second.ID {
		t.Fatalf("there are %+v", got)
	}
	whole := kept()
	whole.Restore = &driver.Restore{From: want.BackupSource(), BackupID: second.ID}
	if got, err := redis.Bytes(do(t, user(t, whole, z.Bring(&whole).Endpoint), "GET", "large"), nil); err != nil || !bytes.Equal(got, large) {
		t.Errorf("restored %d bytes, which are not those that were written: %v", len(got), err)
	}
	for i, id := range []string{o.ID, second.ID} {
		if err := z.Driver.ExpireBackup(t.Context(), want.BackupSource(), id, i == 1); err != nil {
			t.Fatal(err)
		}
		if n := len(held(t, z, want)); n != 1-i {
			t.Errorf("after %d expired %d are left", i+1, n)
		}
	}
}

func TestThePlaceForSnapshotsIsAway(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	users := user(t, want, z.Bring(&want).Endpoint)
	backUp(t, z, want)
	store.Stop()
	o := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	err := z.Driver.TakeBackup(t.Context(), want, o)
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.Permanent || !strings.Contains(blocked.Message, "place for backups") {
		t.Fatalf("with the place away: %v", err)
	}
	do(t, users, "SET", "n", 1) // it serves meanwhile
	store.Start()
	if err := z.Driver.TakeBackup(t.Context(), want, o); err != nil {
		t.Fatal(err)
	}
	if got := held(t, z, want); len(got) != 2 {
		t.Errorf("there are %+v", got)
	}
}
