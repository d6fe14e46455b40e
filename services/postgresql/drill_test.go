package postgresql

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"souk/internal/driver"
)

// thrownAway is an instance that a drill makes.
func thrownAway(from driver.Instance, backup string) driver.Instance {
	copied := restored(from, backup, time.Now())
	copied.Backup, copied.Credentials, copied.AllowedNetworks, copied.Restore.Lost = nil, nil, nil, true
	return copied
}

func TestCanariesAreBackedUpAndRestoredDataIsExamined(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers SELECT generate_series(1, 1000)")
	o := z.backup(want)
	before, err := z.Canaries(t.Context(), want)
	if err != nil || len(before) != 1 {
		t.Fatalf("after a backup there are the canaries %+v, %v", before, err)
	}
	late, err := z.PutCanary(t.Context(), want)
	if err != nil || late.Number <= before[0].Number || late.Value == before[0].Value || late.At.Before(before[0].At) {
		t.Fatalf("%+v after %+v, %v", late, before, err)
	}
	var reach bool
	if err := users.QueryRow(t.Context(), "SELECT has_database_privilege('postgres', 'CONNECT')").Scan(&reach); err != nil || reach {
		t.Errorf("users reach the canaries: %v, %v", reach, err)
	}
	copied := thrownAway(want, o.ID)
	if _, err := z.Ensure(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	got, err := z.Canaries(t.Context(), copied)
	if err != nil || len(got) < 1 || got[0] != before[0] {
		t.Errorf("restored %+v, %v", got, err)
	}
	e, err := z.Examine(t.Context(), copied)
	if err != nil || len(e.Checks) != 3 || !strings.HasPrefix(e.Version, "1") {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, c := range e.Checks {
		if !c.Passed {
			t.Errorf("a check fails: %+v", c)
		}
	}
	if n := count(t, users, "numbers"); n != 1000 {
		t.Errorf("the instance itself has %d rows", n)
	}
}

func TestDamagedDataIsFoundByItsExamination(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	users := z.user(want, seen.Endpoint)
	z.exec(users, "CREATE TABLE numbers (n int); INSERT INTO numbers SELECT generate_series(1, 1000)")
	var path string
	if err := users.QueryRow(t.Context(), "SELECT pg_relation_filepath('numbers')").Scan(&path); err != nil {
		t.Fatal(err)
	}
	if _, err := z.Driver.Stop(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	z.spoil(want, clusterFolder+"/"+path)
	if _, err := z.Ensure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	e, err := z.Examine(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, c := range e.Checks {
		if !c.Passed {
			failed++
		}
	}
	if failed == 0 {
		t.Errorf("nothing is found: %+v", e)
	}
}

// spoil changes bytes in the midst of a file of an instance that does not run.
func (z *zone) spoil(want driver.Instance, name string) {
	z.T.Helper()
	place, err := z.Supervisor.Find(z.T.Context(), want.ID)
	if err != nil {
		z.T.Fatal(err)
	}
	path := filepath.Join(place.Folder, name)
	text, err := os.ReadFile(path)
	if err != nil {
		z.T.Fatal(err)
	}
	for i := 4096; i < 4160; i++ {
		text[i] ^= 0xff
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		z.T.Fatal(err)
	}
}
