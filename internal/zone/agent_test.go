package zone_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"souk/api"
	"souk/internal/agent"
	"souk/internal/agentapi/conformance"
	"souk/internal/billing"
	"souk/internal/driver/fake"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// conformanceLife is how long agents' certificates last here.
const conformanceLife = conformance.CertificateLife

type spec = api.InstanceSpec

func newDriver() *fake.Driver { return fake.New(fake.Config{Engines: instancetest.Engines().Engines}) }

// mustAudit checks that the record of every instance holds together.
func (p *plane) mustAudit() {
	p.t.Helper()
	p.System(p.t, func(tx store.Tx) error {
		r, err := billing.Audit(context.Background(), tx, p.Clock.Now())
		for _, d := range r.Differences {
			p.t.Errorf("audit: %s %s", d.Instance, d.Problem)
		}
		return err
	})
}

// A real agent carries out a whole life, and the record follows.
func TestAgentCarriesOutAWholeLife(t *testing.T) {
	p := newPlane(t)
	d := newDriver()
	p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	first := p.View(t, id)
	if first.AppliedPlan != "small" || len(first.Instance.Endpoint) == 0 || !first.HeldData {
		t.Errorf("ready: %+v", first)
	}
	for _, c := range []struct {
		what  string
		do    instancetest.Action
		phase string
	}{
		{"resized", p.Update(func(s *spec) { s.Plan, s.StorageGiB = "large", 20 }), "Ready"},
		{"suspended", p.Suspend, "Suspended"},
		{"resumed", p.Resume, "Ready"},
		{"deleted", p.Delete, "Deleted"},
		{"brought back", p.Undelete, "Ready"},
		{"deleted again", p.Delete, "Deleted"},
	} {
		p.Machine.Advance(time.Minute)
		p.Act(t, "db1", c.do)
		p.awaitPhase(id, c.phase)
	}
	if v := p.View(t, id); v.AppliedPlan != "large" || v.AppliedStorageGib != 20 || string(v.Instance.Endpoint) != string(first.Instance.Endpoint) {
		t.Errorf("at the end: %+v", v)
	}
	p.Machine.Advance(instance.Retention)
	p.PurgeDue(t)
	p.awaitPhase(id, "Purged")
	if left, _ := d.List(t.Context()); len(left) != 0 {
		t.Errorf("left in the zone: %v", left)
	}
	p.mustAudit()
}

// Orders that were made while the agent was off, or the control plane was, or
// that are so old that the resume token is not good any more, are carried out.
func TestWorkGoesOnAfterEitherSideWasOff(t *testing.T) {
	p := newPlane(t)
	m := p.machine(newDriver()).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")

	p.away()
	p.Act(t, "db1", p.grow(id.String()))
	second := p.order()
	p.start()
	p.awaitPhase(id, "Ready")
	p.awaitPhase(second, "Ready")

	m.Stop()
	p.Act(t, "db1", p.Suspend)
	third := p.order()
	m.Start()
	p.awaitPhase(id, "Suspended")
	p.awaitPhase(third, "Ready")

	m.Stop()
	p.Act(t, "db1", p.Resume)
	p.conformance().Compact()
	fourth := p.order()
	m.Start()
	p.awaitPhase(id, "Ready")
	p.awaitPhase(fourth, "Ready")
	p.mustAudit()
}

// What happened while the control plane was away arrives complete, in order and
// with the times at which it happened.
func TestFactsFromWhileTheControlPlaneWasAway(t *testing.T) {
	p := newPlane(t)
	d := newDriver()
	m := p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	before := p.Count(t, "facts")
	p.away()
	p.Machine.Advance(time.Hour)
	full := p.Clock.Now()
	const times = 3
	for n := range times { // its disk fills up, and is emptied
		d.Fill(id.String(), 10<<30)
		m.awaitLog("state=degraded", n+1)
		p.Machine.Advance(time.Minute)
		d.Fill(id.String(), 0)
		m.awaitLog("state=running", n+2)
		p.Machine.Advance(time.Minute)
	}
	m.Stop() // the outbox outlives the agent
	p.Machine.Advance(time.Hour)
	m.Start()
	p.start()
	p.eventually("the outbox is empty", func() bool { return p.Count(t, "facts") == before+2*times })
	for n := range times {
		at := full.Add(time.Duration(n) * 2 * time.Minute)
		if p.Count(t, "facts WHERE effective_at = $1 AND state = 'degraded' AND received_at > effective_at", at) != 1 || p.Count(t, "facts WHERE effective_at = $1 AND state = 'running'", at.Add(time.Minute)) != 1 {
			t.Errorf("what happened at %s is not on record as it was", at)
		}
	}
	if n := p.Count(t, "(SELECT max(sequence) m, count(*) n FROM facts) s WHERE m = n"); n != 1 {
		t.Error("facts are missing or doubled")
	}
	p.mustAudit()
}

// A second agent that is enrolled for the zone supersedes the first, which is
// told and stops; the second takes everything over.
func TestSecondAgentSupersedesTheFirst(t *testing.T) {
	p := newPlane(t)
	d := newDriver() // both act on the same zone
	first := p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	second := p.machine(d).Start()
	if err := first.Ended(); !errors.Is(err, agent.ErrSuperseded) {
		t.Errorf("the first ended with %v", err)
	}
	p.awaitHello()
	p.Act(t, "db1", p.grow(id.String()))
	p.awaitPhase(id, "Ready")
	if n := p.Count(t, "facts WHERE epoch = 2"); n == 0 {
		t.Error("the second agent has reported nothing")
	}
	if err := first.Start().Ended(); !errors.Is(err, agent.ErrSuperseded) {
		t.Errorf("started again, the first ended with %v", err)
	}
	second.Stop()
	p.mustAudit()
}

// An agent renews its certificate in time; one that was off until it had expired
// finds its way back by itself.
func TestCertificatesAreRenewed(t *testing.T) {
	p := newPlane(t)
	m := p.machine(newDriver()).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	renewed := func() bool {
		return p.Count(t, "zone_agents WHERE not_after > $1", p.Machine.Now().Add(conformanceLife-time.Second)) == 1
	}
	p.Machine.Advance(conformanceLife * 3 / 4)
	p.eventually("the certificate is renewed", renewed)
	p.Act(t, "db1", p.grow(id.String()))
	p.awaitPhase(id, "Ready")

	m.Stop()
	p.Machine.Advance(90 * 24 * time.Hour)
	p.Act(t, "db1", p.grow(id.String()))
	m.Start()
	p.awaitPhase(id, "Ready")
	if !renewed() {
		t.Error("it works with an expired certificate")
	}
	if n := p.Count(t, "zone_agents WHERE epoch = 1"); n != 1 {
		t.Error("it has enrolled anew")
	}
}

// Another machine cannot enrol with a token that was used.
func TestUsedTokenDoesNotEnrolAnotherMachine(t *testing.T) {
	p := newPlane(t)
	m := p.machine(newDriver()).Start()
	p.awaitHello()
	other := p.machine(newDriver())
	token, err := os.ReadFile(m.config.EnrolTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.config.EnrolTokenFile, token, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := other.Start().Ended(); err == nil {
		t.Error("it enrolled")
	}
	id := p.order()
	p.awaitPhase(id, "Ready")
}

// Data that is gone is reported as lost, and not made anew empty.
func TestLostDataIsReported(t *testing.T) {
	p := newPlane(t)
	d := newDriver()
	p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	p.eventually("the zone knows that there is data", func() bool { return p.Count(t, "changes WHERE desired") == 2 })
	d.LoseData(id.String())
	p.eventually("the loss is on record", func() bool { return p.View(t, id).Phase == "Failed" })
	if v := p.View(t, id); v.Message == "" {
		t.Error("nothing is said about it")
	}
	if states := p.states(id); !slices.Contains(states, "failed") {
		t.Errorf("reported %v", states)
	}
	p.mustAudit()
}
