//go:build e2e

package postgresql

import (
	"errors"
	"testing"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
)

// watching is an engine that shows by which way its probe goes.
type watching struct {
	*clusterEngine
	job *kubernetes.Job
	way kubernetes.Way
}

func (w *watching) Probe(job *kubernetes.Job, way kubernetes.Way) *driver.Probe {
	w.job, w.way = job, way
	return w.clusterEngine.Probe(job, way)
}

// TestClusterProbe tries an instance by the address that clients are told, and where the
// agent is not let in there within the cluster, with a log-in that may do nothing else.
func TestClusterProbe(t *testing.T) {
	spy := &watching{}
	p := newPlace(t, "probe", func(c *kubernetes.Config, runs *clusterConfig) {
		runs.OperatorNamespace = "cnpg-system"
		spy.clusterEngine = &clusterEngine{config: *runs}
		c.Engines = []kubernetes.Engine{spy}
	})
	want := p.order()
	for _, networks := range [][]string{nil, {"10.211.0.0/16"}, {"0.0.0.0/0"}} {
		want.AllowedNetworks = networks
		want.Generation++
		p.running(want)
		probe, err := p.Probe(t.Context(), *want)
		if err != nil {
			t.Fatal(err)
		}
		for name, err := range tried(t, probe, 20*time.Second) {
			if err != nil {
				t.Errorf("%v are let in: %s: %v", networks, name, err)
			}
		}
		probe.Close()
	}
	direct := newProber(spy.way.Dial, probeSecret(spy.job), spy.way.TLS)
	leastRights(t, direct)
	if _, err := p.Stop(t.Context(), *want); err != nil {
		t.Fatal(err)
	}
	if probe, err := p.Probe(t.Context(), *want); probe != nil || err != nil {
		t.Errorf("what is stopped is tried: %v (%v)", probe, err)
	}
	if err := direct.connect(t.Context()); err == nil || errors.Is(err, driver.ErrCannotTell) {
		t.Errorf("nothing answers: %v", err)
	}
}

// TestClusterFailoverIsMeasured loses the primary of a guaranteed instance: the agent's
// probe and a client of the test's own find it down for the same time.
func TestClusterFailoverIsMeasured(t *testing.T) {
	p := newPlace(t, "probe-failover")
	want := p.order()
	want.ServiceLevel, want.AllowedNetworks = guaranteed, []string{"0.0.0.0/0"}
	seen := p.running(want)
	began := time.Now()
	records, stop := measured(t, p, *want, seen)
	awaitState(t, records, agentapi.SLIUp, began)
	answers := func() bool {
		conn, err := dial(t.Context(), seen.Endpoint, want.Credentials[0].Login, want.Credentials[0].Password)
		if err != nil {
			return false
		}
		defer conn.Close(t.Context())
		_, err = conn.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS t (n int)")
		return err == nil
	}
	if !answers() {
		t.Fatal("it does not answer")
	}
	lost := time.Now()
	p.kill(want, seen)
	down := lost // when the first attempt that failed was begun, for it may hang
	for answers() && time.Since(lost) < time.Minute {
		down = time.Now()
	}
	for !answers() {
		if time.Since(lost) > long {
			t.Fatal("nobody took over")
		}
	}
	over := time.Now()
	awaitState(t, records, agentapi.SLIUp, over)
	stop()
	toldAsDown(t, records, down, over)
}
