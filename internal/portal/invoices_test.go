package portal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// onInvoice is about an invoice of its own.
func onInvoice(rest string) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		return own + "/invoices/" + s.Issued(t, httpapitest.Own) + rest, nil
	}
}

// Invoices are listed with how they stand, and shown with their lines and their PDF;
// a credit note and what it corrects lead to one another.
func TestInvoices(t *testing.T) {
	s := newSite(t)
	billing := s.as("billing")
	billing.get(t, own+"/invoices").want(t, 200, "No invoices yet", "Draft of ")
	number := s.Issued(t, httpapitest.Own)
	billing.get(t, own+"/invoices").want(t, 200, number, "CHF 15.57", "Open").lacks(t, "No invoices yet", "overdue")
	page := billing.get(t, own+"/invoices/"+number).want(t, 200, "db1: postgresql small, compute", "8.1 % of CHF 14.40", "Example GmbH", "CH93 0076 2011 6238 5295 7", `src="`+own+"/invoices/"+number+`/pdf"`)
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %s", policy)
	}
	for form, want := range map[string][3]string{
		"pdf":  {"application/pdf", "inline", "SAMEORIGIN"},
		"xml":  {"application/xml", "attachment", "DENY"},
		"json": {"application/json", "attachment", "DENY"},
	} {
		got := billing.get(t, own+"/invoices/"+number+"/"+form).want(t, 200).header
		if got.Get("Content-Type") != want[0] || got.Get("Content-Disposition") != want[1]+`; filename="`+number+"."+form+`"` || got.Get("X-Frame-Options") != want[2] {
			t.Errorf("%s: %v", form, got)
		}
	}
	billing.get(t, own+"/invoices/"+number+"/exe").want(t, 404)
	billing.get(t, own+"/invoices/1999-999999").want(t, 404)

	var note api.InvoiceDetail
	s.Do(t, httpapitest.Request{Method: http.MethodPost, Path: "/api/v1/operator/credit-notes", Token: s.Token(t, httpapitest.Operator, "", api.RoleOwner),
		Body: api.CreditNoteOrder{Invoice: number, Reason: "the zone was down"}}).Want(t, 201).Decode(t, &note)
	billing.get(t, own+"/invoices").want(t, 200, "Credited", "−15.57")
	billing.get(t, own+"/invoices/"+number).want(t, 200, `href="`+own+"/invoices/"+note.Number+`"`)
	billing.get(t, own+"/invoices/"+note.Number).want(t, 200, `href="`+own+"/invoices/"+number+`"`, "the zone was down")

	late := s.Issued(t, httpapitest.Own)
	s.Clock.Advance(35 * 24 * time.Hour)
	s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer).get(t, own+"/invoices").want(t, 200, "CHF 15.57 is overdue.", "Invoice "+late+": CHF 15.57")
}

// The draft says what cannot be asked for.
func TestDraftOfNoMonth(t *testing.T) {
	s := newSite(t)
	s.as("viewer").get(t, own+"/invoices/draft?month=2999-01").want(t, 422, "has not begun yet")
	s.as("viewer").get(t, own+"/invoices/draft?month=may").want(t, 422, "as 2026-11")
}

// Billing details are kept with cost centres; what is wrong stands beside its field, with
// what was typed. Who may not change them reads them.
func TestBillingDetails(t *testing.T) {
	s := newSite(t)
	billing := s.as("billing")
	form := url.Values{"name": {"Acme AG"}, "street": {"Hauptstr."}, "building": {"5"}, "postalCode": {"80010"}, "town": {"Zürich"}, "country": {"CH"}, "language": {"de"}, "costCentres." + httpapitest.OwnProject: {"4711"}}
	billing.post(t, own+"/billing", form).want(t, 422, `id="postalCode-problem"`, "they look like 8001", "80010", "4711", "Hauptstr.")
	form.Set("postalCode", "8001")
	billing.post(t, own+"/billing", form).leads(t, own+"/billing?done=billing-kept")
	billing.get(t, own+"/billing?done=billing-kept").want(t, 200, "Billing details kept.", `value="Acme AG"`, `value="4711"`)
	s.as("viewer").get(t, own+"/billing").want(t, 200, "Acme AG", "4711").lacks(t, "<input id=\"name\"")
	form.Set("costCentres."+httpapitest.OwnProject, strings.Repeat("x", 41))
	billing.post(t, own+"/billing", form).want(t, 422, "at most 40")
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		var centre string
		err := tx.QueryRow(ctx, "SELECT cost_centre FROM projects WHERE name = $1 AND organization_id = $2", httpapitest.OwnProject, s.Organizations[httpapitest.Own]).Scan(&centre)
		if centre != "4711" {
			t.Errorf("the cost centre is %q", centre)
		}
		return err
	})
}
