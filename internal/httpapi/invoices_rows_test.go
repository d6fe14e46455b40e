package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var invoiceRows = map[string]row{
	"invoices-list":       {may: everyRole, operator: readers, request: in("GET", "/invoices")},
	"invoices-draft":      {may: everyRole, operator: readers, request: in("GET", "/invoices/draft")},
	"invoices-get":        {may: everyRole, operator: readers, request: ofInvoice("")},
	"invoices-pdf":        {may: everyRole, operator: readers, request: ofInvoice("/pdf")},
	"invoices-ubl":        {may: everyRole, operator: readers, request: ofInvoice("/ubl")},
	"invoices-json":       {may: everyRole, operator: readers, request: ofInvoice("/json")},
	"billing-profile-get": {may: everyRole, operator: readers, request: in("GET", "/billing-profile")},
	"billing-profile-put": {may: "owner admin billing", request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodPut, Path: at.path("/billing-profile"), Body: someProfile()}
	}},
	"operator-issuer": {operator: readers, request: get("/api/v1/operator/issuer")},
	"operator-issuer-put": {operator: editors, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/issuer", Body: someIssuer()}
	}},
	"operator-invoice-months": {operator: readers, request: get("/api/v1/operator/invoice-months")},
	"operator-invoice-runs":   {operator: readers, request: get("/api/v1/operator/invoice-runs?show=held")},
	// Its first month is not over: only those learn of it who may close months.
	"operator-invoice-runs-close": {operator: editors, success: http.StatusUnprocessableEntity, silent: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		e.Issuer(t)
		return post("/api/v1/operator/invoice-runs", api.InvoiceRetry{Organization: httpapitest.Other, Month: "2099-01"})
	}},
	"operator-invoice-runs-retry": {operator: editors, success: http.StatusConflict, silent: true, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/operator/invoice-runs/retry", api.InvoiceRetry{Organization: httpapitest.Other, Month: "2099-01"})
	}},
	"operator-invoices": {operator: readers, request: get("/api/v1/operator/invoices?state=open")},
	"operator-invoices-get": {operator: readers, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return get("/api/v1/operator/invoices/"+e.Issued(t, httpapitest.Own))(t, e, place{})
	}},
	"operator-credit-notes-preview": {operator: editors, silent: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/credit-notes/preview", api.CreditNoteOrder{Invoice: e.Issued(t, httpapitest.Own), Reason: "a mistake"})
	}},
	"operator-credit-notes-create": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return post("/api/v1/operator/credit-notes", api.CreditNoteOrder{Invoice: e.Issued(t, httpapitest.Own), Reason: "a mistake"})
	}},
}

func someProfile() api.BillingProfile {
	return api.BillingProfile{Name: "Example GmbH", Street: "Hauptstr.", Building: "5", PostalCode: "3000", Town: "Bern", Country: "CH"}
}

func someIssuer() api.Issuer {
	return api.Issuer{Name: "Example Cloud AG", PostalCode: "8000", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST", IBAN: httpapitest.IssuerIBAN, PaymentDays: 30, GraceHours: 72, FirstMonth: "2026-01"}
}

func ofInvoice(rest string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodGet, Path: at.path("/invoices/" + e.Issued(t, at.organization) + rest)}
	}
}

// What is wrong with billing details is said of each field, and nothing changes.
func TestBadBillingDetails(t *testing.T) {
	e := httpapitest.New(t)
	e.Issuer(t)
	token := e.Token(t, httpapitest.Own, "", api.RoleBilling)
	for field, change := range map[string]func(*api.BillingProfile){
		"body.name":                func(p *api.BillingProfile) { p.Name = " " },
		"body.town":                func(p *api.BillingProfile) { p.Town = "" },
		"body.country":             func(p *api.BillingProfile) { p.Country = "XX" },
		"body.postalCode":          func(p *api.BillingProfile) { p.PostalCode = "30000" },
		"body.vatId":               func(p *api.BillingProfile) { p.Country, p.PostalCode = "DE", "10115" },
		"body.email":               func(p *api.BillingProfile) { p.Email = "ann" },
		"body.language":            func(p *api.BillingProfile) { p.Language = "xx" },
		"body.costCentres.nowhere": func(p *api.BillingProfile) { p.CostCentres = map[string]string{"nowhere": "1"} },
	} {
		profile := someProfile()
		change(&profile)
		p := e.Do(t, httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/organizations/" + httpapitest.Own + "/billing-profile", Body: profile, Token: token}).Want(t, http.StatusUnprocessableEntity).Problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v", field, p.Errors)
		}
	}
}

// The operator finds invoices of all organizations by whose they are, month, kind, part of
// the number and how they stand, which is what each says of itself; pages make the whole.
func TestFindInvoices(t *testing.T) {
	e := httpapitest.New(t)
	staff := e.Token(t, httpapitest.Operator, "", api.RoleEditor)
	ask := func(query string) (found []api.OperatorInvoice) {
		t.Helper()
		for cursor := ""; ; {
			var page api.List[api.OperatorInvoice]
			e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/invoices?limit=2&cursor=" + cursor + query, Token: staff}).Want(t, http.StatusOK).Decode(t, &page)
			found = append(found, page.Items...)
			if cursor = page.Next; cursor == "" {
				return found
			}
		}
	}
	credit := func(order api.CreditNoteOrder, query string, status int) (note api.InvoiceDetail) {
		t.Helper()
		e.Do(t, httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/credit-notes" + query, Token: staff, Body: order}).Want(t, status).Decode(t, &note)
		return note
	}
	open, whole, part := e.Issued(t, httpapitest.Own), e.Issued(t, httpapitest.Other), e.Issued(t, httpapitest.Other)
	order := api.CreditNoteOrder{Invoice: part, Reason: "an outage", Amount: "1.00"}
	if would := credit(order, "/preview", http.StatusOK); would.Number != "" || would.Gross != "1.08" || would.Tax != "0.08" || len(would.Lines) != 1 || would.Lines[0].Of != 1 || len(ask("")) != 3 {
		t.Errorf("it would be %+v", would)
	}
	notes := []string{credit(api.CreditNoteOrder{Invoice: whole, Reason: "a mistake"}, "", http.StatusCreated).Number, credit(order, "", http.StatusCreated).Number}
	e.Clock.Advance(20 * 24 * time.Hour)
	late := e.Issued(t, httpapitest.Own)
	e.Clock.Advance(15 * 24 * time.Hour)
	for query, want := range map[string][]string{
		"":                                 {late, notes[1], notes[0], part, whole, open},
		"&organization=" + httpapitest.Own: {late, open},
		"&kind=credit-note":                {notes[1], notes[0]},
		"&kind=invoice":                    {late, part, whole, open},
		"&state=overdue":                   {part, open},
		"&state=open":                      {late},
		"&state=credited":                  {whole},
		"&state=paid":                      {},
		"&number=" + late[4:]:              {late},
		"&month=" + ask("&number=" + open)[0].Month: {open},
	} {
		var got []string
		for _, i := range ask(query) {
			got = append(got, i.Number)
			if state := strings.TrimPrefix(query, "&state="); state != query && i.Payment.State != state {
				t.Errorf("%s is %s, and found as %s", i.Number, i.Payment.State, state)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q finds %v, not %v", query, got, want)
		}
	}
	e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/invoices?organization=nobody", Token: staff}).Want(t, http.StatusUnprocessableEntity)
	e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/invoices/1999-999999", Token: staff}).Want(t, http.StatusNotFound)
	var one api.OperatorInvoiceDetail
	e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/invoices/" + part, Token: staff}).Want(t, http.StatusOK).Decode(t, &one)
	if one.Organization != httpapitest.Other || one.Payment == nil || len(one.Left) != 1 || one.Left[0].Amount != "13.40" {
		t.Errorf("%+v", one)
	}
}
