//go:build e2e && crashtest

package postgresql

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/internal/step"
	"souk/test/objectstore"
)

// TestClusterRestoreInPlaceKilledAfterEachStep kills the agent after every step of a
// restore in place, of one that fails at the end; the next agent finishes each, with the
// rows of the backup or of before, and nothing else is left.
func TestClusterRestoreInPlaceKilledAfterEachStep(t *testing.T) {
	t.Parallel()
	const zone = "fault-crash-in-place"
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	p := &place{t: t, client: clustertest.Client(t)}
	want := clusterOrder()
	keeping(&want)
	call := func(what string, of driver.BackupOrder) clustertest.Call {
		return clustertest.Call{What: what, Zone: zone, Want: want, Place: store.Place, Backup: of}
	}
	t.Cleanup(func() { call("remove", driver.BackupOrder{}).Do(t, "") })
	at := call("ensure", driver.BackupOrder{}).Do(t, "").Endpoint
	want.HeldData = true
	p.exec(p.user(&want, at), "CREATE TABLE numbers AS SELECT generate_series(1, 100) AS n")
	order := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
	call("backup", order).Do(t, "")

	number := int64(0)
	killed := func(t *testing.T, name string, rows int) {
		p := p.on(t)
		number++
		p.exec(p.user(&want, at), "INSERT INTO numbers VALUES (0)")
		want.Generation++
		want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: order.ID}}
		call("ensure", driver.BackupOrder{}).Do(t, name)
		seen := call("ensure", driver.BackupOrder{}).Do(t, "")
		if is := seen.Rewound; is == nil || is.Number != number || (is.Problem != "") != (rows > 100) || *seen.Endpoint != *at {
			t.Errorf("reported as %+v", seen)
		}
		if got := p.rows(&want, at); got != rows {
			t.Errorf("%d rows, want %d", got, rows)
		}
		if !p.holds(&want, 1) {
			t.Error("what was set aside is still there")
		}
	}
	failing := []string{"kubernetes/rewind-failed", "kubernetes/rewind-back"}
	for _, name := range step.All() {
		if strings.HasPrefix(name, clustertest.RewindStep) && !slices.Contains(failing, name) {
			t.Run(name, func(t *testing.T) { killed(t, name, 100) })
		}
	}
	store.Spoil(want.ID, "data.tar")
	for i, name := range failing {
		t.Run(name, func(t *testing.T) { killed(t, name, 101+i) })
	}
}
