package zone_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/driver"
	"souk/internal/driver/fake"
	"souk/internal/instance/instancetest"
)

// A zone's failure domains, and the servers of an instance, go from the driver
// through the agent into the record.
func TestFailureDomainsAndMembersReachTheRecord(t *testing.T) {
	p := newPlane(t)
	domains := []string{"zone-1", "zone-2", "zone-3"}
	p.machine(fake.New(fake.Config{Engines: instancetest.Engines().Engines, FailureDomains: domains})).Start()
	p.awaitHello()
	if n := p.Count(t, `zone_agents WHERE info->'failureDomains' = '["zone-1", "zone-2", "zone-3"]' AND (info->>'simulatedDomains')::boolean`); n != 1 {
		t.Fatal("the record does not have the failure domains")
	}
	if err := p.OfferGuaranteed(t); err != nil {
		t.Fatal(err)
	}
	v := p.Order(t, "db1", func(s *spec) { s.ServiceLevel = "guaranteed" })
	p.awaitPhase(v.ID, "Ready")
	members := p.View(t, v.ID).API(p.Machine.Now()).Status.Members
	if len(members) != 3 || members[0] != (api.InstanceMember{Name: "member-1", Role: driver.RolePrimary, Ready: true, FailureDomain: "zone-1"}) || members[2].FailureDomain != "zone-3" {
		t.Errorf("the members are %+v", members)
	}
}

func TestFailureDomainsThatAreNone(t *testing.T) {
	a := conformance.Enrol(t, newPlane(t).conformance())
	for what, domains := range map[string][]string{
		"an empty name": {"a", ""}, "one twice": {"a", "a"}, "a name with a zero byte": {"a\x00"}, "a name of 101 characters": {strings.Repeat("a", 101)},
	} {
		info := instancetest.Engines()
		info.FailureDomains = domains
		status, code := a.Post(agentapi.PathHello, agentapi.Hello{Protocol: agentapi.ProtocolVersion, BootID: "boot", Info: info}, nil)
		mustSay(t, what, status, http.StatusUnprocessableEntity, code, "invalid")
	}
}
