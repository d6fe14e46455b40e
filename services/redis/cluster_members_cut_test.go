//go:build e2e

package redis

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// envBed is there on the test bed.
const envBed = "SOUK_TESTBED"

// tended has an agent of the test's own look at an instance whenever it changes, as an
// agent does, until the test ends.
func tended(t *testing.T, d *kubernetes.Driver, want driver.Instance) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			select {
			case <-d.Events():
			case <-ctx.Done():
				return
			}
			if _, err := d.Ensure(ctx, want); err != nil && ctx.Err() == nil {
				t.Logf("an agent's pass: %v", err)
			}
		}
	}()
}

// TestClusterMembersCutOff has the primary's pod lose its network: it goes on as a primary,
// and Kubernetes sees nothing of it. It takes no writes once its replicas are out of reach,
// and the agent has clients led to the new primary alone.
func TestClusterMembersCutOff(t *testing.T) {
	if os.Getenv(envBed) == "" {
		t.Skip("needs the test bed: it changes a node's routes")
	}
	m := newMembers(t, "rk-cut")
	tended(t, m.Driver, m.want)
	primary := primaryOf(m.seen)
	pod, err := m.p.In(clustertest.Core("pods"), m.want.ID).Get(t.Context(), primary, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ip, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
	route := func(what string) error {
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "ip", "-n", "testbed-node-"+numberOf(m.seen), "route", what, "blackhole", ip+"/32").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s a route: %w: %s", what, err, out)
		}
		return err
	}
	w := newWriter(t, m.want, m.seen.Endpoint)
	w.reaches(t, time.Now().Add(time.Second))
	lost := time.Now()
	if err := route("add"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := route("del"); err != nil {
			t.Error(err)
		}
	})
	w.reaches(t, lost.Add(6*time.Second))
	longest, from := w.outage()
	after := m.whole()
	whole := time.Since(lost)
	w.stop()
	again, err := m.p.In(clustertest.Core("pods"), m.want.ID).Get(t.Context(), primary, metav1.GetOptions{})
	if err != nil || again.GetUID() == pod.GetUID() || primaryOf(after) == primary {
		t.Errorf("the pod that was cut off goes on, %v; %s leads", err, primaryOf(after))
	}
	m.compare(w, longest, from)
	t.Logf("no write for %v; whole after %v", longest.Round(10*time.Millisecond), whole.Round(time.Second))
	if longest > 25*time.Second {
		t.Errorf("no write for %v", longest)
	}
}

// compare wants every acknowledged write to be there but those of the last moment before
// the outage.
func (m *members) compare(w *writer, longest time.Duration, from time.Time) {
	m.t.Helper()
	gone := w.lost(m.t, user(m.t, m.want, m.seen.Endpoint))
	m.t.Logf("of %d acknowledged writes %d are lost", len(w.acked), len(gone))
	for _, a := range gone {
		if a.at.Before(from.Add(-(lagSeconds+1)*time.Second)) || a.at.After(from.Add(longest)) {
			m.t.Errorf("the write %d, acknowledged %v before the outage, is lost", a.n, from.Sub(a.at))
		}
	}
}

// numberOf is the number of the node that the primary is on.
func numberOf(seen driver.Observation) string {
	i := slices.IndexFunc(seen.Members, func(is driver.Member) bool { return is.Role == driver.RolePrimary })
	return strings.TrimPrefix(seen.Members[i].FailureDomain, "zone-")
}
