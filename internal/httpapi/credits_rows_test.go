package httpapi_test

import (
	"net/http"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var creditRows = map[string]row{
	"credit-terms-list":        {may: everyRole, operator: readers, request: in("GET", "/credit-terms")},
	"service-credits-list":     {may: everyRole, operator: readers, request: in("GET", "/service-credits")},
	"operator-service-credits": {operator: readers, request: get("/api/v1/operator/service-credits?month=2026-01")},
	"operator-credit-terms":    {operator: readers, request: get("/api/v1/operator/credit-terms")},
	"operator-credit-terms-publish": {operator: editors, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/operator/credit-terms", someTerms())
	}},
}

func someTerms() api.CreditTermsSpec {
	return api.CreditTermsSpec{ServiceLevel: "best-effort", Tiers: []api.CreditTier{{Below: "99", Percent: "10"}}, Cap: "50"}
}

// Terms that the operator publishes are seen by those that they are for, without who
// published them; what is wrong with them is said of the field.
func TestCreditTermsArePublished(t *testing.T) {
	e := httpapitest.New(t)
	publish := func(spec api.CreditTermsSpec) httpapitest.Response {
		q := post("/api/v1/operator/credit-terms", spec)
		q.Token = e.Token(t, httpapitest.Operator, "", api.RoleEditor)
		return e.Do(t, q)
	}
	publish(someTerms()).Want(t, http.StatusCreated)
	month := e.Clock.Now().AddDate(0, 1, 0).Format("2006-01")
	own := someTerms()
	own.Organization, own.Tiers[0].Percent, own.FromMonth = httpapitest.Own, "20", month
	publish(own).Want(t, http.StatusCreated)
	seen := func(organization string) string {
		var list api.List[api.CreditTerms]
		e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/organizations/" + organization + "/credit-terms?month=" + month, Token: e.Token(t, organization, "", api.RoleBilling)}).Want(t, http.StatusOK).Decode(t, &list)
		if len(list.Items) != 1 || list.Items[0].PublishedBy != "" {
			t.Fatalf("%s sees %+v", organization, list.Items)
		}
		return list.Items[0].Tiers[0].Percent
	}
	if a, b := seen(httpapitest.Own), seen(httpapitest.Other); a != "20" || b != "10" {
		t.Errorf("acme sees %s, globex %s", a, b)
	}
	own.FromMonth = "2020-01"
	if p := publish(own).Want(t, http.StatusUnprocessableEntity).Problem(t); p.Errors[0].Location != "body.fromMonth" {
		t.Errorf("for a month that is over: %+v", p)
	}
}
