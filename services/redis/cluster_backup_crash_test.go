//go:build e2e && crashtest

package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"souk/internal/agent/backups/drilltest"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/internal/step"
)

// drillIn is an agent's restore drill that has to pass.
func drillIn(ctx context.Context, d *kubernetes.Driver, c clustertest.Call) error {
	fact, err := drilltest.Make(ctx, d, c.Folder, c.Want, c.Drill)
	if err == nil && fact.Problem != "" {
		err = errors.New(fact.Problem)
	}
	return err
}

// TestClusterSnapshotsKilledAfterEachStep kills the agent while it takes a backup,
// restores it, makes a restore drill of it, and removes it; the next agent finishes each,
// and nothing is there twice.
func TestClusterSnapshotsKilledAfterEachStep(t *testing.T) {
	const zone = "rk-crash-snapshots"
	store := storeForPods(t)
	call := func(what string, want driver.Instance, of driver.BackupOrder) clustertest.Call {
		return clustertest.Call{What: what, Zone: zone, Want: want, Place: store.Place, Backup: of}
	}
	removed := func(want driver.Instance) func() {
		return func() { call("remove", want, driver.BackupOrder{}).Do(t, "") }
	}
	want := clusterKept()
	t.Cleanup(removed(want))
	at := call("ensure", want, driver.BackupOrder{}).Do(t, "").Endpoint
	want.HeldData = true
	do(t, user(t, want, at), "SET", "kept", "yes")
	held := func(t *testing.T) int {
		t.Helper()
		d := cluster(t, zone, keptAt(store.Place))
		defer d.Close()
		z := &backedUp{d, t}
		z.nothingLeft(want)
		return len(z.held(want))
	}
	var order driver.BackupOrder
	taking := []string{"redis-cluster/backup-begun", "redis-cluster/backup-noted", clustertest.BackupSteps[0]}
	for i, killed := range taking {
		t.Run(killed, func(t *testing.T) {
			order = anOrder()
			call("backup", want, order).Do(t, killed)
			call("backup", want, order).Do(t, "")
			if n := held(t); n != i+1 {
				t.Errorf("there are %d backups, want %d", n, i+1)
			}
		})
	}
	t.Run("another is ordered instead", func(t *testing.T) {
		call("backup", want, anOrder()).Do(t, taking[0])
		order = anOrder()
		call("backup", want, order).Do(t, "")
		if n := held(t); n != len(taking)+1 {
			t.Errorf("there are %d backups", n)
		}
	})
	for _, name := range step.All() {
		if strings.HasPrefix(name, "redis-cluster/") && !slices.Contains(taking, name) {
			t.Errorf("no agent was killed after %s", name)
		}
	}
	t.Run(clustertest.BackupSteps[1], func(t *testing.T) {
		copied := clusterKept()
		copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: order.ID}
		t.Cleanup(removed(copied))
		call("ensure", copied, driver.BackupOrder{}).Do(t, clustertest.BackupSteps[1])
		at := call("ensure", copied, driver.BackupOrder{}).Do(t, "").Endpoint
		if v, err := redis.String(user(t, copied, at).Do("GET", "kept")); err != nil || v != "yes" {
			t.Errorf("%q was restored, %v", v, err)
		}
	})
	for _, killed := range []string{"agent/throw-away-noted", "agent/drill-restored", "agent/drill-examined", "agent/drill-removed"} {
		t.Run(killed, func(t *testing.T) {
			drilling := call("drill", want, driver.BackupOrder{})
			drilling.Folder, drilling.Drill = t.TempDir(), agentapi.DrillOrder{ID: uuid.NewString(), BackupID: order.ID}
			drilling.Do(t, killed)
			drilling.Do(t, "")
			if left := clustertest.NewPerson(t).VolumesOf(drilling.Drill.ID); left != 0 {
				t.Errorf("%d volumes of the drill are left", left)
			}
		})
	}
	t.Run(clustertest.BackupSteps[2], func(t *testing.T) {
		before := held(t)
		call("expire", want, order).Do(t, clustertest.BackupSteps[2])
		call("expire", want, order).Do(t, "")
		if n := held(t); n != before-1 {
			t.Errorf("there are %d backups of %d", n, before)
		}
	})
}
