package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var agreementRows = map[string]row{
	"agreements-list":     {may: everyRole, operator: readers, request: in("GET", "/agreements")},
	"operator-agreements": {operator: readers, request: get("/api/v1/operator/agreements?organization=" + httpapitest.Own)},
	"operator-agreements-create": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		noAgreements(t, e)
		return post("/api/v1/operator/agreements", tenPercent())
	}},
	"operator-agreements-end": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		noAgreements(t, e)
		return post("/api/v1/operator/agreements/"+agree(t, e, tenPercent()).ID+"/end", api.AgreementEnd{To: "2027-02-01", Reason: "as agreed"})
	}},
}

func tenPercent() api.AgreementCreate {
	return api.AgreementCreate{Organization: httpapitest.Own, AgreementTerms: api.AgreementTerms{Name: "Partner", Kind: "percent", Percent: "10", From: "2027-01-01"}}
}

// agree records an agreement.
func agree(t *testing.T, e *httpapitest.Env, in api.AgreementCreate) (out api.Agreement) {
	t.Helper()
	q := post("/api/v1/operator/agreements", in)
	q.Token = e.Token(t, httpapitest.Operator, "", api.RoleOwner)
	e.Do(t, q).Want(t, http.StatusCreated).Decode(t, &out)
	return out
}

// noAgreements ends those that there are: there may not be too many.
func noAgreements(t *testing.T, e *httpapitest.Env) {
	t.Helper()
	token := e.Token(t, httpapitest.Operator, "", api.RoleOwner)
	var all api.List[api.Agreement]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/agreements", Token: token}).Want(t, http.StatusOK).Decode(t, &all)
	for _, a := range all.Items {
		if a.State != "over" {
			q := post("/api/v1/operator/agreements/"+a.ID+"/end", api.AgreementEnd{To: a.From, Reason: "makes room"})
			q.Token = token
			e.Do(t, q).Want(t, http.StatusOK)
		}
	}
}

func TestAgreements(t *testing.T) {
	e := httpapitest.New(t)
	staff := e.Token(t, httpapitest.Operator, "", api.RoleEditor)
	create := func(change func(*api.AgreementCreate)) httpapitest.Response {
		in := tenPercent()
		change(&in)
		q := post("/api/v1/operator/agreements", in)
		q.Token = staff
		return e.Do(t, q)
	}
	for name, c := range map[string]struct {
		change func(*api.AgreementCreate)
		fields string
	}{
		"nobody's":            {func(a *api.AgreementCreate) { a.Organization = "nobody" }, "body.organization"},
		"without a name":      {func(a *api.AgreementCreate) { a.Name = " " }, "body.name"},
		"a name of two lines": {func(a *api.AgreementCreate) { a.Name = "a\nb" }, "body.name"},
		"no percentage":       {func(a *api.AgreementCreate) { a.Percent = "" }, "body.percent"},
		"nothing":             {func(a *api.AgreementCreate) { a.Percent = "0" }, "body.percent"},
		"more than all":       {func(a *api.AgreementCreate) { a.Percent = "100.1" }, "body.percent"},
		"too exact":           {func(a *api.AgreementCreate) { a.Percent = "1.1234567" }, "body.percent"},
		"an amount too":       {func(a *api.AgreementCreate) { a.Amount = "5" }, "body.amount"},
		"half a cent":         {func(a *api.AgreementCreate) { a.Kind, a.Percent, a.Amount = "amount", "", "1.005" }, "body.amount"},
		"one tier": {func(a *api.AgreementCreate) {
			a.Kind, a.Percent, a.Tiers = "volume", "", []api.AgreementTier{{Percent: "1"}}
		}, "body.tiers"},
		"tiers of a percentage": {func(a *api.AgreementCreate) { a.Tiers = []api.AgreementTier{{UpTo: "5", Percent: "1"}, {Percent: "2"}} }, "body.tiers"},
		"tiers in no order": {func(a *api.AgreementCreate) {
			a.Kind, a.Percent, a.Tiers = "volume", "", []api.AgreementTier{{UpTo: "5", Percent: "1"}, {UpTo: "5", Percent: "2"}, {UpTo: "9", Percent: "2"}}
		}, "body.tiers[1].upTo body.tiers[2].upTo"},
		"tiers that take nothing": {func(a *api.AgreementCreate) {
			a.Kind, a.Percent, a.Tiers = "volume", "", []api.AgreementTier{{UpTo: "5", Percent: "0"}, {Percent: "0"}}
		}, "body.tiers"},
		"no service":            {func(a *api.AgreementCreate) { a.Service = "nothing" }, "body.service"},
		"a plan of any service": {func(a *api.AgreementCreate) { a.Plan = "small" }, "body.plan"},
		"no item":               {func(a *api.AgreementCreate) { a.Item = "air" }, "body.item"},
		"no day":                {func(a *api.AgreementCreate) { a.From = "2027-02-30" }, "body.from"},
		"no last day":           {func(a *api.AgreementCreate) { a.To = "soon" }, "body.to"},
		"an end before it":      {func(a *api.AgreementCreate) { a.To = a.From }, "body.to"},
	} {
		var got []string
		for _, f := range create(c.change).Want(t, http.StatusUnprocessableEntity).Problem(t).Errors {
			got = append(got, f.Location)
		}
		if strings.Join(got, " ") != c.fields {
			t.Errorf("%s: %v, want %s", name, got, c.fields)
		}
	}
	var made api.Agreement
	create(func(a *api.AgreementCreate) { a.Name, a.Percent, a.To = " Partner 2027 ", "12.50", "2028-01-01" }).Want(t, http.StatusCreated).Decode(t, &made)
	if made.Name != "Partner 2027" || made.Percent != "12.5" || made.State != "coming" || made.RecordedBy == "" || made.Currency != "CHF" {
		t.Errorf("%+v", made)
	}
	end := func(to string) httpapitest.Response {
		q := post("/api/v1/operator/agreements/"+made.ID+"/end", api.AgreementEnd{To: to, Reason: "sold"})
		q.Token = staff
		return e.Do(t, q)
	}
	for _, to := range []string{"2026-12-31", "2028-01-01", "2030-01-01", "never"} {
		if p := end(to).Want(t, http.StatusUnprocessableEntity).Problem(t); len(p.Errors) != 1 || p.Errors[0].Location != "body.to" {
			t.Errorf("ends on %s: %+v", to, p)
		}
	}
	end("2027-07-01").Want(t, http.StatusOK).Decode(t, &made)
	if made.To != "2027-07-01" || made.Ended == nil || made.Ended.Reason != "sold" {
		t.Errorf("%+v", made)
	}
	end("2027-07-01").Want(t, http.StatusUnprocessableEntity)
	end("2027-01-01").Want(t, http.StatusOK).Decode(t, &made)
	if made.State != "over" {
		t.Errorf("it never held, and is %s", made.State)
	}
	q := post("/api/v1/operator/agreements/nothing/end", api.AgreementEnd{To: "2027-07-01", Reason: "sold"})
	q.Token = staff
	e.Do(t, q).Want(t, http.StatusNotFound)
	var all api.List[api.Agreement]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + httpapitest.Own + "/agreements", Token: e.Token(t, httpapitest.Own, "", api.RoleBilling)}).Want(t, http.StatusOK).Decode(t, &all)
	if len(all.Items) != 1 || all.Items[0].RecordedBy != "" || all.Items[0].Ended.By != "" {
		t.Errorf("the customer sees %+v", all.Items)
	}
	for range 50 {
		create(func(*api.AgreementCreate) {}).Want(t, http.StatusCreated)
	}
	create(func(*api.AgreementCreate) {}).Want(t, http.StatusConflict)
}
