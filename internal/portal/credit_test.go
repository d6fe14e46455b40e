package portal_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// onAnyInvoice is about an invoice of some organization.
func onAnyInvoice(rest string, form url.Values) asks {
	return func(t *testing.T, s *site, _ string) (string, url.Values) {
		return "/operator/billing/invoices/" + s.Issued(t, httpapitest.Own) + rest, form
	}
}

// The desk finds invoices of all organizations, and shows each as its customer sees it.
func TestInvoicesAtTheDesk(t *testing.T) {
	s := newSite(t)
	viewer := s.staff(t, api.RoleViewer)
	viewer.get(t, "/operator/billing/invoices").want(t, 200, "No invoices yet")
	one, other := s.Issued(t, httpapitest.Own), s.Issued(t, httpapitest.Other)
	viewer.get(t, "/operator/billing/invoices").want(t, 200, one, other, "CHF 15.57", "Open")
	viewer.get(t, "/operator/billing/invoices?organization="+httpapitest.Own).want(t, 200, one).lacks(t, other)
	viewer.get(t, "/operator/billing/invoices?number="+other[5:]).want(t, 200, other).lacks(t, one)
	viewer.get(t, "/operator/billing/invoices?state=paid").want(t, 200, "Nothing matches").lacks(t, one)
	viewer.get(t, "/operator/billing/invoices?organization=nobody").want(t, 422, "There is no such organization")
	viewer.get(t, "/operator/billing/invoices/"+one).want(t, 200, httpapitest.Own, "db1: postgresql small, compute", `src="/operator/billing/invoices/`+one+`/pdf"`).lacks(t, "/credit")
	if got := viewer.get(t, "/operator/billing/invoices/"+one+"/pdf").want(t, 200).header.Get("Content-Type"); got != "application/pdf" {
		t.Error(got)
	}
	viewer.get(t, "/operator/billing/invoices/1999-999999").want(t, 404)
}

var formKey = regexp.MustCompile(`name="key" value="([A-Z2-7]+)"`)

// A credit note is issued once what it comes to was seen and confirmed; sent again it is
// not issued twice, and what is wrong is said beside its field.
func TestCreditNoteByForm(t *testing.T) {
	s := newSite(t)
	editor := s.staff(t, api.RoleEditor)
	number := s.Issued(t, httpapitest.Own)
	path := "/operator/billing/invoices/" + number + "/credit"
	key := formKey.FindStringSubmatch(editor.get(t, path).want(t, 200, "14.40").text)[1]
	form := func(more ...string) url.Values {
		f := url.Values{"key": {key}, "reason": {"the zone was down"}}
		for i := 0; i < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return f
	}
	for problem, f := range map[string]url.Values{
		`id="credit-amount-problem"`: form("part", "amount", "amount", "100"),
		"Type the amount":            form("part", "amount", "sure", "on"),
		"at least one line":          form("part", "lines"),
		`id="line-1-problem"`:        form("part", "lines", "line-1", "14.41"),
		"Say why":                    form("part", "all", "reason", " "),
	} {
		editor.post(t, path, f).want(t, 422, problem)
	}
	editor.post(t, path, form("part", "amount", "amount", "1.00")).want(t, 200, "CHF 1.08", "8.1 % of CHF 1.00", `name="sure"`)
	editor.post(t, path, form("part", "lines", "line-1", "2")).want(t, 200, "CHF 2.16", `name="line-1" value="2"`)
	editor.get(t, "/operator/billing/invoices?kind=credit-note").lacks(t, "the zone was down", "−")
	sure := form("part", "amount", "amount", "1.00", "sure", "on")
	to := editor.post(t, path, sure).want(t, 303).header.Get("Location")
	if again := editor.post(t, path, sure).want(t, 303).header.Get("Location"); again != to || !strings.Contains(to, "done=invoice-credited") {
		t.Errorf("went to %s, and again to %s", to, again)
	}
	editor.get(t, to).want(t, 200, "The credit note is issued.", "the zone was down", "−1.08").lacks(t, "/credit\"")
	editor.get(t, path).want(t, 200, "13.40")
	editor.get(t, strings.TrimSuffix(strings.Split(to, "?")[0], "/")+"/credit").want(t, 404)
}
