package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var dunningRows = map[string]row{
	"billing-balance": {may: everyRole, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		e.Issuer(t)
		return httpapitest.Request{Method: http.MethodGet, Path: at.path("/billing-balance")}
	}},
	"operator-dunning":       {operator: readers, request: issued(httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/dunning"})},
	"operator-dunning-rules": {operator: readers, request: issued(httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/dunning-rules"})},
	"operator-dunning-rules-put": {operator: editors, request: issued(httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/dunning-rules",
		Body: api.DunningRules{ReminderDays: 10, SecondDays: 20, SuspendDays: 40, NoticeDays: 10}})},
	"operator-dunning-hold": {operator: editors, request: issued(httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/organizations/globex/dunning-hold",
		Body: api.DunningHold{Reason: "they pay in instalments"}})},
	"operator-dunning-release": {operator: editors, request: issued(httpapitest.Request{Method: http.MethodDelete, Path: "/api/v1/operator/organizations/globex/dunning-hold"})},
}

// issued is a request where there is an issuer.
func issued(q httpapitest.Request) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		e.Issuer(t)
		return q
	}
}

// What a customer and the operator see of what is overdue.
func TestBillingBalance(t *testing.T) {
	e := httpapitest.New(t)
	none := api.BillingBalance{}
	ask := func(path, organization string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: path, Token: e.Token(t, organization, "", api.RoleViewer)}).Want(t, http.StatusOK)
	}
	ask("/api/v1/organizations/acme/billing-balance", httpapitest.Own).Decode(t, &none)
	if none.Open != "0.00" || len(none.Invoices) != 0 {
		t.Errorf("before there is an issuer: %+v", none)
	}
	number := e.Bill(t, httpapitest.Own, "100.00")
	e.Bill(t, httpapitest.Other, "7.00")
	var b api.BillingBalance
	ask("/api/v1/organizations/acme/billing-balance", httpapitest.Own).Decode(t, &b)
	if b.Open != "100.00" || b.Overdue != "0.00" || len(b.Invoices) != 1 || b.Invoices[0].Number != number || b.Invoices[0].State != "open" || b.PayTo.IBAN != httpapitest.IssuerIBAN {
		t.Errorf("an invoice is open: %+v", b)
	}
	e.Clock.Advance(35 * 24 * time.Hour)
	// A credit is seen by its customer, who sees no transaction of the bank.
	paid := bankFile("too-much", "5.00", "", "")
	paid.Token = e.Token(t, httpapitest.Operator, "", api.RoleOwner)
	var all api.List[api.Payment]
	e.Do(t, paid).Want(t, http.StatusOK)
	e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: "/api/v1/operator/payments", Token: paid.Token}).Want(t, http.StatusOK).Decode(t, &all)
	q := post("/api/v1/operator/payments/"+all.Items[0].ID+"/assign", api.PaymentAssign{Organization: httpapitest.Operator})
	q.Token = paid.Token
	e.Do(t, q).Want(t, http.StatusOK)
	credited := api.BillingBalance{}
	ask("/api/v1/organizations/souk/billing-balance", httpapitest.Operator).Decode(t, &credited)
	if credited.Credit != "5.00" {
		t.Errorf("with credit: %+v", credited)
	}
	var list api.List[api.BillingBalance]
	ask("/api/v1/operator/dunning", httpapitest.Operator).Decode(t, &list)
	if len(list.Items) != 2 || list.Items[0].Organization != "acme" || list.Items[0].Overdue != "100.00" || list.Items[0].Invoices[0].NextStep != "reminder" || list.Items[1].Organization != "globex" {
		t.Errorf("overdue: %+v", list)
	}
	token := e.Token(t, httpapitest.Operator, "", api.RoleEditor)
	bad := e.Do(t, httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/dunning-rules", Token: token, Body: api.DunningRules{ReminderDays: 10, SecondDays: 20, SuspendDays: 25, NoticeDays: 7}}).Want(t, http.StatusUnprocessableEntity).Problem(t)
	if bad.Errors[0].Location != "body.suspendDays" {
		t.Errorf("bad rules: %+v", bad)
	}
	e.Do(t, httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/organizations/acme/dunning-hold", Token: token, Body: api.DunningHold{Reason: "a secret of ours"}}).Want(t, http.StatusNoContent)
	held := api.BillingBalance{}
	ask("/api/v1/organizations/acme/billing-balance", httpapitest.Own).Decode(t, &held)
	if held.Held == nil || held.Held.Reason != "" || held.Held.By != "" || held.Invoices[0].NextStep != "" {
		t.Errorf("held: %+v", held)
	}
}
