//go:build e2e && crashtest

package postgresql

import (
	"context"
	"errors"
	"testing"

	"souk/internal/agent/backups/drilltest"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

func init() {
	beAgent = func() {
		clustertest.BeAgent(func(ctx context.Context, zone string, place *driver.BackupPlace) (*kubernetes.Driver, error) {
			return openCluster(ctx, zone, backedUpAt(place))
		}, func(ctx context.Context, d *kubernetes.Driver, c clustertest.Call) error {
			fact, err := drilltest.Make(ctx, d, c.Folder, c.Want, c.Drill)
			if err == nil && fact.Problem != "" {
				err = errors.New(fact.Problem)
			}
			return err
		})
	}
}

// TestClusterKilledAfterEachStep kills the agent after every step of every
// operation on one instance; the next agent finishes what was begun.
func TestClusterKilledAfterEachStep(t *testing.T) {
	t.Parallel()
	clustertest.KilledAfterEachStep(t, "fault-crash", clusterOrder(), func(t *testing.T, want driver.Instance, at *driver.Endpoint) {
		p := &place{t: t}
		conn := p.user(&want, at)
		if !want.HeldData {
			p.exec(conn, "CREATE TABLE kept AS SELECT generate_series(1, 100)")
		}
		if got := count(t, conn, "kept"); got != 100 {
			t.Errorf("%d rows are left", got)
		}
	})
}
