package zone_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/driver"
	"souk/internal/zone"
)

// An agent one minor version older or newer works; another is told which side to
// upgrade to what.
func TestVersionsThatGoTogether(t *testing.T) {
	for _, c := range []struct{ controlPlane, agent, says string }{
		{"v1.4.0", "v1.4.0", ""},
		{"v1.4.0", "v1.4.7", ""},
		{"v1.4.2", "v1.3.9", ""},
		{"v1.4.2", "v1.5.0", ""},
		{"v1.4.2", "1.5.0", ""},
		{"v1.4.0", "v1.2.9", "Upgrade the agent to v1.4.0."},
		{"v1.4.0", "v1.6.0", "Upgrade the control plane to v1.6.0, or install the agent of version v1.4.0."},
		{"v2.0.0", "v1.9.0", "Upgrade the agent to v2.0.0."},
		{"v1.9.0", "v2.0.0", "Upgrade the control plane to v2.0.0"},
		{"v1.4.0-rc.1", "v1.2.0", "Upgrade the agent to v1.4.0-rc.1."},
		{"v1.10.0", "v1.9.0", ""},
		{"v1.10.0", "v1.1.0", "Upgrade the agent"},
		// What is no release is let in.
		{"v1.4.0", "v1.2.0-14-gabcdef0", ""},
		{"v1.4.0", "v1.2.0-dirty", ""},
		{"v1.4.0", "5f214d6", ""},
		{"v1.4.0", "unknown", ""},
		{"v1.4.0", "", ""},
		{"v1.4.0", "v1", ""},
		{"v1.4.0", "v1.99999999999999999999.0", ""},
		{"5f214d6", "v1.2.0", ""},
		{"unknown", "v1.2.0", ""},
	} {
		got := zone.VersionProblem(c.controlPlane, c.agent)
		if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("control plane %s, agent %s: %q, want %q", c.controlPlane, c.agent, got, c.says)
		}
		if got != "" && (!strings.Contains(got, c.agent) || !strings.Contains(got, c.controlPlane)) {
			t.Errorf("it does not name both versions: %q", got)
		}
	}
}

// An agent that is too old is refused at its hello and goes on with what it knows;
// upgraded, it takes up what was wanted meanwhile. A control plane that is upgraded
// too far refuses what it let in before.
func TestAgentsTooFarApartAreRefused(t *testing.T) {
	p := newPlane(t, func(c *zone.Config) { c.Version = "v1.4.0" })
	m := p.machine(newDriver())
	m.version = "v1.3.5"
	m.Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")

	p.away()
	p.config.Version = "v1.5.0"
	p.start()
	p.Act(t, "db1", p.grow(id.String()))
	m.awaitLog("Upgrade the agent to v1.5.0", 1)
	if v := p.View(t, id); v.ObservedGeneration == v.Generation {
		t.Error("what the old agent reports is taken in")
	}
	m.Stop()
	m.Start() // the same again: now its hello is refused
	m.awaitLog("what=\"say hello\"", 1)
	if n := p.Count(t, "zone_agents WHERE version = 'v1.3.5'"); n != 1 {
		t.Error("the version that was refused is not on record")
	}
	m.Stop()
	m.version = "v1.4.9"
	m.Start()
	p.awaitPhase(id, "Ready")
	if n := p.Count(t, "zone_agents WHERE version = 'v1.4.9'"); n != 1 {
		t.Error("the agent's version is not on record")
	}
	p.mustAudit()
}

func TestRefusedHelloIsNotedOnly(t *testing.T) {
	p := newPlane(t, func(c *zone.Config) { c.Version = "v1.4.0" })
	a := conformance.Enrol(t, p.conformance())
	hello := agentapi.Hello{Version: "v1.9.0", Protocol: agentapi.ProtocolVersion, BootID: "boot", Info: driver.Info{Driver: "fake"}}
	status, code := a.Post(agentapi.PathHello, hello, nil)
	mustSay(t, "hello of a far version", status, http.StatusUpgradeRequired, code, "agent-version")
	if n := p.Count(t, "zone_agents WHERE version = 'v1.9.0' AND info = '{}' AND last_seen_at IS NULL"); n != 1 {
		t.Error("more, or less, than its version is on record")
	}
	_, status, code = a.Facts()
	mustSay(t, "facts", status, http.StatusUpgradeRequired, code, "agent-version")
	if _, status, code = a.Rotate(conformance.NewKey(t)); status != http.StatusOK {
		t.Errorf("its certificate is not renewed meanwhile: %d %s", status, code)
	}
}
