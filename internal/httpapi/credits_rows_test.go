package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

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

// What was given back is listed page by page: the newest month first, all of a month by
// organization, project and instance, and none twice where two were called the same.
func TestServiceCreditsByPages(t *testing.T) {
	e := httpapitest.New(t)
	e.GiveBack(t, httpapitest.Own, "2026-01", "db2", "db1", "db1")
	e.GiveBack(t, httpapitest.Other, "2026-02", "b", "a")
	e.GiveBack(t, httpapitest.Own, "2026-02", "db3")
	staff, customer := e.Token(t, httpapitest.Operator, "", api.RoleViewer), e.Token(t, httpapitest.Own, "", api.RoleBilling)
	const all, own = "/api/v1/operator/service-credits", "/api/v1/organizations/" + httpapitest.Own + "/service-credits"
	for _, c := range []struct{ path, token, want string }{
		{all, staff, "2026-02 acme db3, 2026-02 globex a, 2026-02 globex b, 2026-01 acme db1, 2026-01 acme db1, 2026-01 acme db2"},
		{all + "?month=2026-02", staff, "2026-02 acme db3, 2026-02 globex a, 2026-02 globex b"},
		{own, customer, "2026-02 acme db3, 2026-01 acme db1, 2026-01 acme db1, 2026-01 acme db2"},
	} {
		for limit := 1; limit < 8; limit++ {
			var said []string
			seen := map[string]bool{}
			for _, g := range pages[api.ServiceCredit](t, e, c.path, c.token, limit, nil) {
				said = append(said, g.Month+" "+g.Organization+" "+g.Instance)
				seen[g.InstanceID] = true
			}
			if got := strings.Join(said, ", "); got != c.want || len(seen) != len(said) {
				t.Errorf("%s, %d at a time: %s, want %s", c.path, limit, got, c.want)
			}
		}
	}
	for _, cursor := range []string{"eA", "!", base64.RawURLEncoding.EncodeToString([]byte(uuid.NewString() + "/x"))} {
		e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: all + "?cursor=" + cursor, Token: staff}).Want(t, http.StatusUnprocessableEntity)
	}
}
