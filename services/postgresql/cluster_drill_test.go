//go:build e2e

package postgresql

import (
	"strings"
	"testing"

	"souk/internal/agent/backups/drilltest"
)

// TestClusterDrill restores a backup on trial in a cluster of its own that is thrown
// away, and finds one that is damaged.
func TestClusterDrill(t *testing.T) {
	t.Parallel()
	p, place := newBackupPlace(t, "drill")
	want := keeping(p.order())
	seen := p.running(want)
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE numbers (n int PRIMARY KEY); INSERT INTO numbers SELECT generate_series(1, 1000)")
	o := p.backup(want)
	passed := drilltest.Of(t, p, *want, o.ID)
	m := passed.Measured
	if passed.Problem != "" || m == nil || !m.PointInTime || m.Canaries < 1 || m.RestoreMillis <= 0 || m.LossMillis < 0 || len(m.Checks) != 3 {
		t.Fatalf("of a backup that is whole: %+v, %+v", passed, m)
	}
	t.Logf("restored in %d ms, %d ms lost, %+v", m.RestoreMillis, m.LossMillis, m.Checks)
	place.Spoil(want.ID, "/data.tar")
	failed := drilltest.Of(t, p, *want, o.ID)
	if !strings.Contains(failed.Problem, "damaged") || failed.Measured != nil {
		t.Errorf("of a damaged backup: %+v", failed)
	}
	if n := p.rows(want, seen.Endpoint); n != 1000 {
		t.Errorf("the instance itself has %d rows", n)
	}
}
