package portal_test

import (
	"net/url"
	"testing"

	"souk/api"
)

// onCreditTerms publishes terms.
func onCreditTerms(*testing.T, *site, string) (string, url.Values) {
	return "/operator/billing/credits", url.Values{"serviceLevel": {"best-effort"}, "tiers[0].below": {"99"}, "tiers[0].percent": {"10"}}
}

// Terms that the operator publishes are shown to customers with their SLA reports.
func TestCreditTermsAreShown(t *testing.T) {
	s := newSite(t)
	s.as("viewer").get(t, own+"/sla").want(t, 200, "Nothing is given back for this month")
	editor := s.staff(t, api.RoleEditor)
	form := func(change map[string]string) url.Values {
		_, f := onCreditTerms(t, s, "")
		for name, value := range change {
			f.Set(name, value)
		}
		return f
	}
	editor.post(t, "/operator/billing/credits", form(map[string]string{"tiers[2].below": "98", "tiers[2].percent": "5"})).want(t, 422, "The less available, the more is given back.", `value="98"`)
	editor.post(t, "/operator/billing/credits", form(map[string]string{"cap": "50"})).want(t, 303)
	editor.get(t, "/operator/billing/credits").want(t, 200, "below 99 %: 10 %", "All without terms of their own", "Nothing was given back")
	s.as("viewer").get(t, own+"/sla").want(t, 200, "below 99 %: 10 %", "50 %").lacks(t, "Revision 1")
}
