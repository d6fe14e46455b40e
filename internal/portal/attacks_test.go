package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// example is a path of the route's pattern.
func example(path string) string {
	path = strings.ReplaceAll(path, "{org}", httpapitest.Own)
	return strings.TrimSuffix(regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "x"), "x$")
}

// No page can be shown within another site's, and none runs what is not ours:
// not for anybody, nor for who is logged in, errors included.
func TestNoPageCanBeFramed(t *testing.T) {
	s := newSite(t)
	for _, route := range s.pages.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodGet {
			continue
		}
		for _, who := range []string{"", "owner"} {
			got := s.get(t, who, example(path))
			policy := got.header.Get("Content-Security-Policy")
			if got.header.Get("X-Frame-Options") == "" || !strings.Contains(policy, "frame-ancestors '") || strings.Contains(policy, "script-src 'unsafe") {
				t.Errorf("%s as %q (%d): frames: %q, policy: %q", path, who, got.status, got.header.Get("X-Frame-Options"), policy)
			}
			if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s as %q: %v", path, who, got.header)
			}
		}
	}
}

// A form that another site sends in the person's name does nothing, whichever it
// is, and however the browser says where it comes from.
func TestFormsOfOtherSites(t *testing.T) {
	s := newSite(t)
	audited := func() (n int) {
		t.Helper()
		var page api.List[api.AuditRecord]
		s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + httpapitest.Own + "/audit", Token: s.people["owner"]}).Want(t, 200).Decode(t, &page)
		return len(page.Items)
	}
	before, forms := audited(), 0
	for _, route := range s.pages.Routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method != http.MethodPost {
			continue
		}
		forms++
		for _, from := range []map[string]string{
			{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "", "Origin": "null"},
		} {
			got := s.ask(t, "owner", "POST", example(path), url.Values{}, from).want(t, http.StatusForbidden, "another site")
			if len(got.cookies()) > 0 {
				t.Errorf("%s sets %v", path, got.cookies())
			}
		}
	}
	if forms < 20 || audited() != before {
		t.Errorf("%d forms; %d entries in the audit log, %d before", forms, audited(), before)
	}
	s.get(t, "owner", own).want(t, http.StatusOK) // nor is the person logged out
}

func TestLoginLeadsToOurselves(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleViewer)
	for _, evil := range []string{"//evil.example", "https://evil.example/", `/\evil.example`, `\\evil.example`, "javascript:alert(1)", "/\t/evil.example", "/x\r\nLocation: https://evil.example"} {
		form := url.Values{"email": {"ann@acme.example"}, "password": {httpapitest.Password}, "return": {evil}}
		s.post(t, "", "/login", form).leads(t, own)
		if got := ann.get(t, "/login?return="+url.QueryEscape(evil)); strings.Contains(got.location, "evil") || got.location == "" {
			t.Errorf("who is logged in is led to %q", got.location)
		}
		if got := s.get(t, "", "/login?return="+url.QueryEscape(evil)); got.field(t, "return") != "/" {
			t.Errorf("the form leads to %q", got.field(t, "return"))
		}
		s.post(t, "", "/settings", url.Values{"lang": {"de"}, "return": {evil}}).leads(t, "/")
	}
	for _, ours := range []string{"/o/acme/order?x=y", "/device?code=WDJB-MJHT"} {
		s.post(t, "", "/login", url.Values{"email": {"ann@acme.example"}, "password": {httpapitest.Password}, "return": {ours}}).leads(t, ours)
	}
}

func TestStolenAndPlantedCookies(t *testing.T) {
	s := newSite(t)
	t.Run("a copy is dead after the log-out", func(t *testing.T) {
		ann := s.person(t, httpapitest.Own, "ann@acme.example", api.RoleViewer)
		out := ann.post(t, "/logout", nil)
		if c, ok := out.cookies()["souk"]; !ok || c != "" {
			t.Errorf("the browser keeps %q", c)
		}
		ann.get(t, own).leads(t, "/login?return="+url.QueryEscape(own)) // with the same cookie
	})
	t.Run("one that was planted does not become the person's", func(t *testing.T) {
		eve := s.person(t, httpapitest.Own, "eve@acme.example", api.RoleViewer)
		s.Member(t, httpapitest.Own, "bob@acme.example", api.RoleOwner)
		in := eve.post(t, "/login", url.Values{"email": {"bob@acme.example"}, "password": {httpapitest.Password}})
		if c := in.cookies()["souk"]; c == "" || c == s.people[eve.who] {
			t.Errorf("after the log-in the cookie is %q", c)
		}
		eve.get(t, "/account/profile").says(t, "eve@acme.example").lacks(t, "bob@acme.example")
	})
}
