//go:build e2e && crashtest

package postgresql

import (
	"cmp"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/test/objectstore"
)

// TestClusterBackupsKilledAfterEachStep kills the agent while it takes a backup,
// restores it, makes a restore drill of it, and removes it; the next agent finishes each,
// and nothing is there twice.
func TestClusterBackupsKilledAfterEachStep(t *testing.T) {
	t.Parallel()
	const zone = "fault-crash-backups"
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	p := &place{t: t}
	call := func(what string, want driver.Instance, of driver.BackupOrder) clustertest.Call {
		return clustertest.Call{What: what, Zone: zone, Want: want, Place: store.Place, Backup: of}
	}
	removed := func(want driver.Instance) func() {
		return func() { call("remove", want, driver.BackupOrder{}).Do(t, "") }
	}
	want := clusterOrder()
	keeping(&want)
	t.Cleanup(removed(want))
	at := call("ensure", want, driver.BackupOrder{}).Do(t, "").Endpoint
	want.HeldData = true
	p.exec(p.user(&want, at), "CREATE TABLE kept AS SELECT generate_series(1, 100)")
	order := driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
	held := func(t *testing.T) int {
		t.Helper()
		d := newPlace(t, zone, backedUpAt(store.Place))
		defer d.Close()
		return len(d.report(&want).Backups)
	}
	t.Run(clustertest.BackupSteps[0], func(t *testing.T) {
		call("backup", want, order).Do(t, clustertest.BackupSteps[0])
		call("backup", want, order).Do(t, "")
		if n := held(t); n != 1 {
			t.Errorf("there are %d backups", n)
		}
	})
	t.Run(clustertest.BackupSteps[1], func(t *testing.T) {
		copied := clusterOrder()
		keeping(&copied).Restore = &driver.Restore{From: want.BackupSource(), BackupID: order.ID}
		t.Cleanup(removed(copied))
		call("ensure", copied, driver.BackupOrder{}).Do(t, clustertest.BackupSteps[1])
		at := call("ensure", copied, driver.BackupOrder{}).Do(t, "").Endpoint
		p := p.on(t)
		if got := count(t, p.user(&copied, at), "kept"); got != 100 {
			t.Errorf("%d rows were restored", got)
		}
	})
	// One drill, which each agent begins anew where the one before was killed.
	drilling := call("drill", want, driver.BackupOrder{})
	drilling.Folder, drilling.Drill = t.TempDir(), agentapi.DrillOrder{ID: uuid.NewString(), BackupID: order.ID}
	for _, killed := range []string{"agent/throw-away-noted", "agent/drill-restored", "agent/drill-examined", "agent/drill-removed"} {
		t.Run(killed, func(t *testing.T) { drilling.Do(t, killed) })
	}
	t.Run("the drill ends", func(t *testing.T) {
		drilling.Do(t, "")
		if left := clustertest.NewPerson(t).VolumesOf(drilling.Drill.ID); left != 0 {
			t.Errorf("%d volumes of the drill are left", left)
		}
	})
	t.Run(clustertest.BackupSteps[2], func(t *testing.T) {
		call("expire", want, order).Do(t, clustertest.BackupSteps[2])
		call("expire", want, order).Do(t, "")
		if n := held(t); n != 0 {
			t.Errorf("there are %d backups", n)
		}
	})
}
