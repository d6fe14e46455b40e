package postgresql

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/driver"
	"souk/test/objectstore"
)

// rewind has an instance restored in place, and looks again until that is over.
func (z *zone) rewind(want *driver.Instance, number int64, backup string, at time.Time) driver.Observation {
	z.T.Helper()
	want.Generation++
	want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: backup, Time: at}}
	for range rewindTries {
		seen, err := z.Driver.Ensure(z.T.Context(), *want)
		if err != nil {
			z.T.Log(err)
			continue
		}
		if seen.Rewound == nil || seen.Rewound.Number != number || seen.Generation != want.Generation {
			z.T.Fatalf("restore in place %d was reported as %+v", number, seen)
		}
		return seen
	}
	z.T.Fatal("it is not over")
	return driver.Observation{}
}

// rewindTries is more often than what does not serve is tried.
const rewindTries = 6

// moment is a time between what was changed before and what is changed after.
func (z *zone) moment(conn *pgx.Conn) (at time.Time) {
	z.T.Helper()
	if err := conn.QueryRow(z.T.Context(), "SELECT clock_timestamp() FROM pg_sleep(0.01)").Scan(&at); err != nil {
		z.T.Fatal(err)
	}
	z.exec(conn, "SELECT pg_sleep(0.01)")
	return at
}

func TestRestoredInPlaceToAPointInTimeAndBack(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	at := z.Bring(&want).Endpoint
	users := z.user(want, at)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	first := z.backup(want)
	z.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	good := z.moment(users)
	z.exec(users, "DELETE FROM numbers WHERE n > 50")
	safety := z.backup(want)

	check := func(seen driver.Observation, rows int) {
		t.Helper()
		if *seen.Endpoint != *at || seen.Rewound.Problem != "" {
			t.Errorf("%+v, %+v", seen.Rewound, seen.Endpoint)
		}
		if got := numbers(t, z, want, seen.Endpoint); len(got) != rows {
			t.Errorf("%d rows, want %d", len(got), rows)
		}
	}
	check(z.rewind(&want, 1, first.ID, good), 200)
	if z.user(want, at); len(z.backups(want).Backups) != 2 {
		t.Error("backups are gone")
	}
	z.exec(z.user(want, at), "INSERT INTO numbers VALUES (1000)")
	after := z.backup(want)
	conn := z.user(want, at)
	z.exec(conn, "INSERT INTO numbers VALUES (1001)")
	later := z.moment(conn)
	z.exec(conn, "DELETE FROM numbers")
	check(z.rewind(&want, 2, safety.ID, time.Time{}), 50) // as it was before the first
	check(z.rewind(&want, 3, after.ID, later), 202)       // and along what came after it
	check(z.rewind(&want, 4, first.ID, good), 200)        // and once more
	copied := restored(want, safety.ID, time.Now())       // beyond the end of that line of time
	if got := numbers(t, z, copied, z.Bring(&copied).Endpoint); len(got) != 50 {
		t.Errorf("a copy has %d rows, want 50", len(got))
	}
	for _, each := range []driver.Instance{copied, want} {
		if err := z.Driver.Remove(t.Context(), each.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARestoreInPlaceThatCannotServeIsPutBack(t *testing.T) {
	z, store := newBackupZone(t)
	want := kept()
	at := z.Bring(&want).Endpoint
	users := z.user(want, at)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 100)")
	taken := z.backup(want)
	z.exec(users, "INSERT INTO numbers SELECT generate_series(101, 200)")
	serves := func(seen driver.Observation, problem bool) {
		t.Helper()
		if got := numbers(t, z, want, seen.Endpoint); len(got) != 200 || (seen.Rewound.Problem != "") != problem {
			t.Errorf("%d rows after %+v", len(got), seen.Rewound)
		}
		z.exec(z.user(want, at), "INSERT INTO numbers VALUES (0); DELETE FROM numbers WHERE n = 0")
	}
	serves(z.rewind(&want, 1, uuid.NewString(), time.Time{}), true) // there is no such backup

	store.Stop()
	want.Rewind = &driver.Rewind{Number: 2, Restore: driver.Restore{From: want.BackupSource(), BackupID: taken.ID}}
	_, err := z.Driver.Ensure(t.Context(), want)
	var blocked *driver.BlockedError
	if !errors.As(err, &blocked) || blocked.Permanent {
		t.Errorf("with the place for backups away: %v", err)
	}
	if n := count(t, z.user(want, at), "numbers"); n != 200 {
		t.Errorf("%d rows while the place is away", n)
	}
	store.Start()

	if err := forgetChanges(store, want.ID); err != nil {
		t.Fatal(err)
	}
	serves(z.rewind(&want, 2, taken.ID, time.Time{}), true)
	if err := z.Driver.Remove(context.WithoutCancel(t.Context()), want.ID); err != nil {
		t.Fatal(err)
	}
}

// forgetChanges removes what a backup needs to be of one piece: no server starts with it.
func forgetChanges(store *objectstore.Store, id string) error {
	return filepath.WalkDir(filepath.Join(store.Data, id, "archive"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".zst" {
			return err
		}
		return os.Remove(path)
	})
}
