package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func agreementForm(change url.Values) url.Values {
	f := url.Values{"organization": {httpapitest.Own}, "name": {"Partner"}, "kind": {"percent"}, "percent": {"12.5"}, "from": {"2020-01-01"}}
	for name, values := range change {
		f[name] = values
	}
	return f
}

func sentAgreement(*testing.T, *site, string) (string, url.Values) {
	return "/operator/billing/agreements", agreementForm(nil)
}

func endedAgreement(t *testing.T, s *site, _ string) (string, url.Values) {
	var a api.Agreement
	s.Do(t, httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/agreements", Token: s.Token(t, httpapitest.Operator, "", api.RoleOwner),
		Body: api.AgreementCreate{Organization: httpapitest.Own, AgreementTerms: api.AgreementTerms{Name: "Partner", Kind: "percent", Percent: "10", From: "2020-01-01"}}}).Want(t, http.StatusCreated).Decode(t, &a)
	return "/operator/billing/agreements/" + a.ID + "/end", url.Values{"to": {"2020-01-01"}, "reason": {"as agreed"}}
}

// The operator records and ends discounts; the customer sees them beside his costs.
func TestAgreementsOnTheDesk(t *testing.T) {
	s := newSite(t)
	editor, customer := s.staff(t, api.RoleEditor), s.as("viewer")
	s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	editor.get(t, "/operator/billing/agreements").want(t, 200, "Nothing was agreed on", "Record a discount")
	s.staff(t, api.RoleViewer).get(t, "/operator/billing/agreements").want(t, 200).lacks(t, "Record a discount")
	post := func(change url.Values) page {
		return editor.post(t, "/operator/billing/agreements", agreementForm(change))
	}
	post(url.Values{"percent": {"many"}}).want(t, 422, `value="many"`, "Write a percentage")
	post(url.Values{"kind": {"volume"}, "tiers": {"1000"}}).want(t, 422, `value="1000"`, "rest=10")
	post(url.Values{"organization": {"nobody"}}).want(t, 422, "There is no organization")
	post(nil).want(t, 303)
	post(url.Values{"name": {"Much"}, "kind": {"volume"}, "tiers": {"1000=0, 5000=5, rest=10"}, "service": {"postgresql"}, "item": {"compute"}}).want(t, 303)
	list := editor.get(t, "/operator/billing/agreements").want(t, 200, "12.5 %", "everything", "0 % up to 1000.00, 5 % up to 5000.00, 10 % beyond", "postgresql, Compute", "holds")
	customer.get(t, own+"/costs").want(t, 200, "Your discounts", "12.5 %", "Partner")
	_, id, _ := strings.Cut(list.text, `action="/operator/billing/agreements/`)
	id, _, _ = strings.Cut(id, "/")
	editor.post(t, "/operator/billing/agreements/"+id+"/end", url.Values{"to": {"2019-01-01"}, "reason": {"sold"}}).want(t, 422, "It begins on 2020-01-01", `value="sold"`)
	editor.post(t, "/operator/billing/agreements/"+id+"/end", url.Values{"to": {"2020-01-01"}, "reason": {"sold"}}).want(t, 303)
	customer.get(t, own+"/costs").want(t, 200, "over", "sold")
}
