package portal_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
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

// waived makes a waiver by the operator.
func (s *site) waived(t *testing.T) (out api.ReadinessWaiver) {
	t.Helper()
	s.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/operator/services/" + httpapitest.Service + "/waivers", Token: s.Token(t, httpapitest.Operator, "", api.RoleAdmin),
		Body: api.WaiverCreate{Zone: httpapitest.Zone, Check: "upgrade", Reason: "There is <one> version only.", Until: s.Clock.Now().AddDate(0, 0, 10)}}).Want(t, 201).Decode(t, &out)
	return out
}

// unwaived ends all waivers.
func (s *site) unwaived(t *testing.T) {
	t.Helper()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE readiness_waivers SET ended_by = 'a test', ended_at = $1 WHERE ended_at IS NULL", s.Clock.Now())
		return err
	})
}

// The operator waives a check, with its reason; everybody sees that, and the operator
// ends it.
func TestWaivingInThePortal(t *testing.T) {
	s := newSite(t)
	admin, visitor := s.staff(t, api.RoleAdmin), s.as("")
	visitor.get(t, "/catalog/"+httpapitest.Service).says(t, "Upgrade proven", "No conformance run has proven maintenance.")
	admin.get(t, "/operator/maturity").want(t, 200).says(t, "Fit for production: "+httpapitest.Service, "Waive: Upgrade proven")
	s.staff(t, api.RoleViewer).get(t, "/operator/maturity").want(t, 200).lacks(t, "Waive: Upgrade proven")
	to := "/operator/maturity/" + httpapitest.Service + "/waivers"
	form := url.Values{"zone": {httpapitest.Zone}, "check": {"upgrade"}, "reason": {"There is <one> version only."}, "until": {"tomorrow"}}
	admin.post(t, to, form).want(t, 422).says(t, "Choose a day.", "There is <one> version only.")
	form.Set("until", s.Clock.Now().AddDate(0, 0, 10).Format(time.DateOnly))
	admin.post(t, to, form).leads(t, "/operator/maturity?done=waived#"+"stable-"+httpapitest.Service+"-"+httpapitest.Zone)
	visitor.get(t, "/catalog/"+httpapitest.Service).says(t, "waived", "There is <one> version only.").lacks(t, "@operator.example")
	admin.get(t, "/operator/maturity").says(t, "End the waiver", "admin@operator.example")
	var all api.List[api.ServiceReadiness]
	s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/services/" + httpapitest.Service + "/readiness", Token: s.Token(t, httpapitest.Operator, "", api.RoleViewer)}).Decode(t, &all)
	admin.post(t, "/operator/waivers/"+all.Items[0].Waivers[0].ID+"/end", nil).leads(t, "/operator/maturity?done=unwaived")
	visitor.get(t, "/catalog/"+httpapitest.Service).lacks(t, "There is <one> version only.")
}
