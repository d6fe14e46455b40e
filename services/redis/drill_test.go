package redis

import (
	"strings"
	"testing"

	"souk/internal/driver"
)

// What was written before a backup is in it, whatever users do in between, and what was
// restored is read whole.
func TestCanariesAreBackedUpAndRestoredDataIsExamined(t *testing.T) {
	z, _ := newBackupZone(t)
	want := kept()
	users := user(t, want, z.Bring(&want).Endpoint)
	early, err := z.Driver.PutCanary(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	do(t, users, "FLUSHALL")
	do(t, users, "RPUSH", "list", "a", "b")
	do(t, users, "SET", "n", 1)
	o := backUp(t, z, want)
	do(t, users, "FLUSHALL")
	before, err := z.Driver.Canaries(t.Context(), want)
	if err != nil || len(before) < 2 || before[0] != early {
		t.Fatalf("after %+v and a backup there are %+v, %v", early, before, err)
	}
	late, err := z.Driver.PutCanary(t.Context(), want)
	if last := before[len(before)-1]; err != nil || late.Number != last.Number+1 || late.Value == last.Value || late.At.Before(last.At) {
		t.Fatalf("%+v after %+v, %v", late, last, err)
	}
	copied := want
	copied.ID, copied.Generation, copied.HeldData = kept().ID, 1, false
	copied.Backup, copied.Credentials, copied.AllowedNetworks = nil, nil, nil
	copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: o.ID, Lost: true}
	if _, err := z.Driver.Ensure(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	got, err := z.Driver.Canaries(t.Context(), copied)
	if err != nil || len(got) < 2 || got[0] != early {
		t.Errorf("restored %+v, %v", got, err)
	}
	for i, c := range got {
		if i >= len(before) || c != before[i] {
			t.Errorf("restored %+v, written were %+v", got, before)
		}
	}
	e, err := z.Driver.Examine(t.Context(), copied)
	if err != nil || len(e.Checks) != 2 || e.Version == "" || !strings.HasPrefix(e.Checks[0].Detail, "2 values in 1 databases") {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, c := range e.Checks {
		if !c.Passed {
			t.Errorf("a check fails: %+v", c)
		}
	}
}
