//go:build e2e && crashtest

package redis

import (
	"context"
	"testing"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

func init() {
	beAgent = func() {
		clustertest.BeAgent(func(ctx context.Context, zone string, place *driver.BackupPlace) (*kubernetes.Driver, error) {
			return openCluster(ctx, zone, keptAt(place))
		}, drillIn)
	}
}

// TestClusterKilledAfterEachStep kills the agent after every step of every
// operation on one instance; the next agent finishes what was begun.
func TestClusterKilledAfterEachStep(t *testing.T) {
	clustertest.KilledAfterEachStep(t, "rk-crash", clusterOrder(), func(t *testing.T, want driver.Instance, at *driver.Endpoint) {
		conn := user(t, want, at)
		if !want.HeldData {
			do(t, conn, "SET", "kept", "yes")
		}
		if v, err := redis.String(conn.Do("GET", "kept")); err != nil || v != "yes" {
			t.Errorf("%q is left, %v", v, err)
		}
	})
}
