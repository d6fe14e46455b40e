//go:build e2e && crashtest

package redis

import (
	"strings"
	"testing"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/internal/step"
)

// TestClusterMembersKilledAfterEachStep kills the agent after every step of every
// operation on an instance with three members, and of a restart; the next agent finishes
// what was begun, and no key is lost.
func TestClusterMembersKilledAfterEachStep(t *testing.T) {
	use := func(t *testing.T, want driver.Instance, at *driver.Endpoint) {
		t.Helper()
		conn := user(t, want, at)
		if !want.HeldData {
			do(t, conn, "SET", "kept", "yes")
		}
		if v, err := redis.String(conn.Do("GET", "kept")); err != nil || v != "yes" {
			t.Errorf("%q is left, %v", v, err)
		}
	}
	t.Run("as of one member", func(t *testing.T) {
		clustertest.KilledAfterEachStep(t, "rk-members-crash", guaranteedOrder(), use)
	})
	want := guaranteedOrder()
	call := func(what string) clustertest.Call {
		return clustertest.Call{What: what, Zone: "rk-members-crash", Want: want}
	}
	t.Cleanup(func() { call("remove").Do(t, "") })
	use(t, want, call("ensure").Do(t, "").Endpoint)
	want.HeldData = true
	steps := []string{"kubernetes/replaced"}
	for _, name := range step.All() {
		if strings.HasPrefix(name, "redis-guaranteed-cluster/") {
			steps = append(steps, name)
		}
	}
	for _, name := range steps {
		t.Run(name, func(t *testing.T) {
			want.Restart, want.Generation = want.Restart+1, want.Generation+1
			call("ensure").Do(t, name)
			use(t, want, call("ensure").Do(t, "").Endpoint)
		})
	}
}
