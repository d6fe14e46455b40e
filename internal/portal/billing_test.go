package portal_test

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

var stopped atomic.Int64

// stops puts a close of a month of an organization on record that does not go on, and
// returns the month.
func (s *site) stops(t *testing.T, organization, held, problem string) string {
	t.Helper()
	n := stopped.Add(1)
	month, now := fmt.Sprintf("%04d-%02d", 1800+n/12, 1+n%12), s.Clock.Now()
	s.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, held, error, attempts, frozen_at, next_at)
			VALUES ($1, $2, $3, $4::timestamptz - interval '1 month', $4, 'Europe/Zurich', 'rated', $4, '1', $5, $6, 1, $4, $4::timestamptz + interval '1 hour')`, store.NewID(), s.Organizations[organization], month, now, held, problem)
		return err
	})
	return month
}

// onRun has a close that failed tried again.
func onRun(t *testing.T, s *site, _ string) (string, url.Values) {
	return "/operator/billing/retry", url.Values{"organization": {httpapitest.Own}, "month": {s.stops(t, httpapitest.Own, "", "no disk")}, "show": {"failed"}}
}

func issuerForm() url.Values {
	return url.Values{"name": {"Example Cloud AG"}, "postalCode": {"8000"}, "town": {"Zürich"}, "country": {"CH"}, "vatId": {"CHE-109.322.551 MWST"}, "iban": {"CH93 0076 2011 6238 5295 7"},
		"currency": {"CHF"}, "timeZone": {"Europe/Zurich"}, "paymentDays": {"30"}, "graceHours": {"72"}, "firstMonth": {"2026-01"}}
}

func sentIssuer(*testing.T, *site, string) (string, url.Values) {
	return "/operator/billing/issuer", issuerForm()
}

// What does not go on is listed with what is lacking, and can be tried again.
func TestStoppedClosesAtTheDesk(t *testing.T) {
	s := newSite(t)
	editor, viewer := s.staff(t, api.RoleEditor), s.staff(t, api.RoleViewer)
	editor.get(t, "/operator/billing").want(t, 200, "Nobody issues invoices yet")
	s.Issued(t, httpapitest.Own)
	held, failed := s.stops(t, httpapitest.Own, "vat-id", ""), s.stops(t, httpapitest.Other, "", "no disk")
	viewer.get(t, "/operator/billing").want(t, 200, held, failed, "100.0 %", "0.0 %")
	viewer.get(t, "/operator/billing/held").want(t, 200, held, "VAT number").lacks(t, failed, "Try now")
	viewer.get(t, "/operator/billing/failed").want(t, 200, failed, "While numbering", "no disk", "1 try failed").lacks(t, held)
	retry := func(month string) page {
		return editor.post(t, "/operator/billing/retry", url.Values{"organization": {httpapitest.Other}, "month": {month}, "show": {"failed"}})
	}
	retry("1700-01").want(t, 422, failed)
	retry(failed).want(t, 303)
	editor.get(t, "/operator/billing/failed").want(t, 200, "Nothing has failed")
}

// What is wrong with the issuer is said beside the field, with what was typed.
func TestIssuerByForm(t *testing.T) {
	s := newSite(t)
	editor := s.staff(t, api.RoleEditor)
	editor.get(t, "/operator/billing/issuer").want(t, 200, `value="Europe/Zurich"`)
	for name, value := range map[string]string{"name": "", "postalCode": "80000", "country": "XX", "vatId": "CHE-109.322.552", "iban": "CH94 0076 2011 6238 5295 7", "email": "ann", "paymentDays": "soon", "graceHours": "1000", "timeZone": "Mars", "firstMonth": "now"} {
		form := issuerForm()
		form.Set(name, value)
		editor.post(t, "/operator/billing/issuer", form).want(t, 422, fmt.Sprintf(`id="issuer-%s-problem"`, name), "Zürich")
	}
	editor.post(t, "/operator/billing/issuer", issuerForm()).want(t, 303)
	editor.get(t, "/operator/billing/issuer").want(t, 200, "CHE-109.322.551", "CH93 0076 2011 6238 5295 7")
	s.staff(t, api.RoleViewer).get(t, "/operator/billing/issuer").want(t, 200, "CH93 0076 2011 6238 5295 7", "8000 Zürich").lacks(t, "<button>Keep")
}
