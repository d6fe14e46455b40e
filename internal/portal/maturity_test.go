package portal_test

import (
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// proven records that the operator has shown something of the service.
func (s *site) proven(t *testing.T) api.Conformance {
	t.Helper()
	i, now := s.Ready(t, httpapitest.Operator, "desk"), s.Clock.Now()
	answer := s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations/" + httpapitest.Operator + "/conformance", Token: s.Token(t, httpapitest.Operator, "", api.RoleEditor),
		Body: api.ConformanceReport{Service: httpapitest.Service, Zone: httpapitest.Zone, Runner: "test", Instances: []string{i.ID.String()}, StartedAt: now.Add(-time.Minute), EndedAt: now, Proofs: []api.Proof{
			{Capability: "scaling", State: api.ProofPassed, Evidence: []string{"<b>Larger</b> after 1 s."}, Seconds: 1.25},
			{Capability: "logs", State: api.ProofFailed, Reason: "no line appears", Evidence: []string{}},
		}}})
	var out api.SignedConformance
	if answer.Decode(t, &out); answer.Status != 201 {
		t.Fatalf("status %d: %s", answer.Status, answer.Body)
	}
	return out.Result
}

// The service's page has what is proven of it, and leads to the evidence.
func TestMaturityPages(t *testing.T) {
	s := newSite(t)
	visitor := s.as("")
	visitor.get(t, "/catalog/"+httpapitest.Service).want(t, 200).says(t, "Maturity", "not proven")
	result := s.proven(t)
	visitor.get(t, "/catalog/"+httpapitest.Service).want(t, 200).says(t, "passed", "failed", "not proven", "/evidence/"+result.ID)
	visitor.get(t, "/evidence/"+result.ID).want(t, 200).says(t, "Conformance of postgresql in zone local", "<b>Larger</b> after 1 s.", "1.2 s", "no line appears", "/api/v1/conformance/"+result.ID, "souk")
	visitor.get(t, "/evidence/nonsense").want(t, 404)
}
