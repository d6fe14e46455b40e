package postgresql

import (
	"path/filepath"
	"strings"
	"testing"

	"souk/internal/agent/backups/drilltest"
)

func TestADrillProvesABackupAndFindsADamagedOne(t *testing.T) {
	z, place := newBackupZone(t)
	want := kept()
	seen := z.Bring(&want)
	z.exec(z.user(want, seen.Endpoint), "CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers SELECT generate_series(1, 1000)")
	o := z.backup(want)
	passed := drilltest.Of(t, z, want, o.ID)
	m := passed.Measured
	if passed.Problem != "" || m == nil || !m.PointInTime || m.Canaries < 1 || m.RestoreMillis <= 0 || m.LossMillis < 0 || len(m.Checks) != 3 {
		t.Fatalf("of a backup that is whole: %+v, %+v", passed, m)
	}
	place.Spoil(filepath.Join(want.ID, "backup", stanza), "/bundle/")
	failed := drilltest.Of(t, z, want, o.ID)
	if !strings.Contains(failed.Problem, "damaged") || failed.Measured != nil {
		t.Errorf("of a damaged backup: %+v", failed)
	}
	if n := count(t, z.user(want, seen.Endpoint), "numbers"); n != 1000 {
		t.Errorf("the instance itself has %d rows", n)
	}
}
