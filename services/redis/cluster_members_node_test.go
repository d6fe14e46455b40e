//go:build e2e

package redis

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterMembersNodeLost takes the node of the primary away, as a loss of power would.
// Clients are led to the new primary before Kubernetes misses the node. It has the cluster
// for itself.
func TestClusterMembersNodeLost(t *testing.T) {
	if os.Getenv(envBed) == "" {
		t.Skip("needs the test bed: it ends a node")
	}
	m := newMembers(t, "rk-node")
	for numberOf(m.seen) == "1" { // by which this machine reaches Services
		m.want.Restart, m.want.Generation = m.want.Restart+1, m.want.Generation+1
		m.seen = m.whole()
	}
	bed := func(script, node string) {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(os.Getenv(envBed), script), node).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
	victim, primary := numberOf(m.seen), primaryOf(m.seen)
	back := sync.OnceFunc(func() { bed("node-start", victim) })
	t.Cleanup(back)
	tended(t, m.Driver, m.want)
	w := newWriter(t, m.want, m.seen.Endpoint)
	w.reaches(t, time.Now().Add(time.Second))
	lost := time.Now()
	bed("node-kill", victim)
	w.reaches(t, lost.Add(6*time.Second))
	longest, from := w.outage()
	degraded := clustertest.Until(t, m, &m.want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateDegraded && strings.Contains(seen.Message, "2 of 3 members")
	})
	t.Logf("no write for %v; %s leads after %s; %q", longest.Round(10*time.Millisecond), primaryOf(degraded), primary, degraded.Message)
	if longest > 25*time.Second || primaryOf(degraded) == primary {
		t.Errorf("no write for %v, led by %s", longest, primaryOf(degraded))
	}
	back()
	m.whole()
	w.stop()
	m.compare(w, longest, from)
	t.Logf("whole after %v", time.Since(lost).Round(time.Second))
}
