//go:build e2e

package redis

import (
	"context"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterMembersWithAnotherAuthority: members that do not know the agent, because the
// zone's authority was made anew, are started again and do; their data is kept.
func TestClusterMembersWithAnotherAuthority(t *testing.T) {
	first, want := cluster(t, "rk-authority"), guaranteedOrder()
	t.Cleanup(func() { first.Close() })
	conn := user(t, want, clustertest.Running(t, first, &want).Endpoint)
	do(t, conn, "SET", "kept", "yes")
	do(t, conn, "WAIT", 2, 5000)
	first.Close()
	place := kubernetes.Object("v1", "Namespace", "", "souk-rk-authority", nil, map[string]any{})
	spaces := clustertest.Client(t).Resource(clustertest.Core("namespaces"))
	if _, err := spaces.Create(t.Context(), place, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	again := cluster(t, "rk-authority", func(c *kubernetes.Config) { c.Namespace = place.GetName() })
	t.Cleanup(func() {
		again.Close()
		if err := spaces.Delete(context.Background(), place.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	began := time.Now()
	clustertest.Removed(t, again, want.ID)
	seen := clustertest.Running(t, again, &want)
	t.Logf("running after %v", time.Since(began).Round(time.Second))
	if v, err := redis.String(user(t, want, seen.Endpoint).Do("GET", "kept")); err != nil || v != "yes" {
		t.Errorf("%q is left, %v", v, err)
	}
}
