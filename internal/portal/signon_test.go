package portal_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"souk/internal/httpapi/httpapitest"
	"souk/internal/sso/fakeprovider"
)

// wanderer is a browser that follows where it is led, with a jar of its own.
type wanderer struct {
	*site
	client *http.Client
}

func (s *site) wander(t testing.TB) wanderer {
	t.Helper()
	return wanderer{s, &http.Client{Transport: s.Client.Transport, Jar: jar{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// jar keeps cookies by name. What is old in it the clock of the test says, which is
// not the machine's.
type jar map[string]*http.Cookie

// SetCookies implements http.CookieJar.
func (j jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	for _, c := range cookies {
		if j[c.Name] = c; c.MaxAge < 0 {
			delete(j, c.Name)
		}
	}
}

// Cookies implements http.CookieJar.
func (j jar) Cookies(*url.URL) []*http.Cookie { return slices.Collect(maps.Values(j)) }

// visit asks for a page; with a form it sends that.
func (w wanderer) visit(t testing.TB, path string, form url.Values) page {
	t.Helper()
	method := "GET"
	if form != nil {
		method = "POST"
	}
	return w.askBy(t, w.client, "", method, path, form, nil)
}

// connect binds acme.example to the organization, by the pages alone.
func (s *site) connect(t *testing.T, p *fakeprovider.Provider) {
	t.Helper()
	owner := s.as("owner")
	owner.get(t, own+"/sso").want(t, 200).says(t, "Not set up", s.URL+"/sso/callback")
	owner.post(t, own+"/sso", url.Values{
		"issuer": {p.URL}, "clientID": {fakeprovider.ClientID}, "clientSecret": {fakeprovider.ClientSecret}, "groupClaim": {"groups"}, "enabled": {"on"},
		"group": {"developers", "", "platform"}, "role": {"editor", "viewer", "admin"}, "defaultRole": {""},
	}).leads(t, own+"/sso?done=sso-kept")
	owner.post(t, own+"/sso/domains", url.Values{"domain": {"people.example"}}).leads(t, own+"/sso?done=domain-claimed")
	page := owner.get(t, own+"/sso").says(t, "No domain yet", "Not proven yet", "_souk-verification.people.example").lacks(t, fakeprovider.ClientSecret)
	owner.post(t, own+"/sso/domains/people.example/prove", nil).want(t, 422).says(t, "There is no TXT record")
	value := "souk-verification=" + page.between(t, "souk-verification=", "<")
	s.DNS.Publish("_souk-verification.people.example", value)
	owner.post(t, own+"/sso/domains/people.example/prove", nil).leads(t, own+"/sso?done=domain-bound")
	owner.get(t, own+"/sso").says(t, "On", "Bound", "developers", "platform").lacks(t, fakeprovider.ClientSecret, "Not proven yet")
	owner.post(t, own+"/sso/test", nil).want(t, 200).says(t, "The provider answers")
}

// refreshes is where a page leads by itself.
func (p page) refreshes(t testing.TB) string {
	t.Helper()
	to, found := strings.CutPrefix(p.want(t, 200).header.Get("Refresh"), "0; url=")
	if !found {
		t.Fatalf("the page leads nowhere: %s", p.main())
	}
	return to
}

func TestSignOn(t *testing.T) {
	s := newSite(t)
	p := fakeprovider.Start(t, s.Clock.Now)
	s.connect(t, p)
	p.Person(fakeprovider.Claims{"sub": "ann", "email": "ann@people.example", "email_verified": true, "groups": []string{"developers"}})

	t.Run("leads to the provider and back, to where one wanted to go", func(t *testing.T) {
		w := s.wander(t)
		w.visit(t, "/login?return="+own+"/members", nil).want(t, 200, `href="/sso/start?return=%2Fo%2Facme%2Fmembers"`)
		w.visit(t, "/sso/start", url.Values{"email": {"ann@nowhere.example"}}).want(t, 422).says(t, "belongs to no organization")
		away := w.visit(t, "/sso/start", url.Values{"email": {"ann@people.example"}, "return": {own + "/members"}})
		back := p.SignIn(t, away.refreshes(t))
		w.visit(t, "/sso/callback?"+back.Encode(), nil).leads(t, own+"/members")
		w.visit(t, own+"/members", nil).want(t, 200, "ann@people.example")
		// Once.
		w.visit(t, "/sso/callback?"+back.Encode(), nil).want(t, 422).says(t, "Begin again")
		// And out, at the provider too.
		out := w.visit(t, "/logout", url.Values{})
		if to := out.refreshes(t); !strings.HasPrefix(to, p.URL+"/signout?client_id=souk&post_logout_redirect_uri=") {
			t.Error(to)
		}
		out.lacks(t, "ann@people.example")
		w.visit(t, own+"/members", nil).want(t, 303)
	})
	t.Run("by the organization's name", func(t *testing.T) {
		w := s.wander(t)
		w.visit(t, "/sso/start?organization="+httpapitest.Own, nil).want(t, 200).lacks(t, `type="email"`)
		back := p.SignIn(t, w.visit(t, "/sso/start", url.Values{"organization": {httpapitest.Own}, "return": {"https://evil.example/"}}).refreshes(t))
		w.visit(t, "/sso/callback?"+back.Encode(), nil).leads(t, own)
	})
	t.Run("an answer that another browser began logs nobody in", func(t *testing.T) {
		back := p.SignIn(t, s.wander(t).visit(t, "/sso/start", url.Values{"email": {"ann@people.example"}}).refreshes(t))
		victim := s.wander(t)
		victim.visit(t, "/sso/callback?"+back.Encode(), nil).want(t, 422).says(t, "not begun in this browser")
		victim.visit(t, own, nil).want(t, 303)
	})
	t.Run("what the provider says is text", func(t *testing.T) {
		w := s.wander(t)
		w.visit(t, "/sso/start", url.Values{"email": {"ann@people.example"}}).refreshes(t)
		w.visit(t, "/sso/callback?"+url.Values{"error": {hostile}, "state": {hostile}, "error_description": {hostile}}.Encode(), nil).want(t, 422).lacks(t, "<script>alert", "onerror")
		w.visit(t, "/sso/start?email="+url.QueryEscape(hostile)+"&organization="+url.QueryEscape(hostile), nil).want(t, 200).lacks(t, "<script>alert", "<img src=x")
	})
	t.Run("a password that is not wanted any more leads here", func(t *testing.T) {
		s.Member(t, httpapitest.Own, "old@people.example", "viewer")
		s.as("").post(t, "/login", url.Values{"email": {"old@people.example"}, "password": {httpapitest.Password}}).want(t, 422).says(t, "single sign-on only", "Continue with single sign-on")
	})
	t.Run("mistakes stand beside the field", func(t *testing.T) {
		got := s.as("owner").post(t, own+"/sso", url.Values{"issuer": {"http://" + hostile}, "clientID": {hostile}, "group": {"a", "a"}, "role": {"editor", "viewer"}, "groupClaim": {hostile}}).want(t, 422)
		got.says(t, hostile, "is there twice").lacks(t, "<script>alert", "<img src=x").between(t, `id="issuer-problem">`, "<")
	})
	t.Run("ends", func(t *testing.T) {
		owner := s.as("owner")
		owner.post(t, own+"/sso/domains/people.example/remove", nil).leads(t, own+"/sso?done=domain-removed")
		owner.post(t, own+"/sso/delete", nil).leads(t, own+"/sso?done=sso-deleted")
		owner.get(t, own+"/sso?done=sso-deleted").says(t, "Not set up", "Single sign-on has ended.")
	})
}

// Only owners, by the pages too.
func TestSingleSignOnIsForOwners(t *testing.T) {
	s := newSite(t)
	for path, form := range map[string]url.Values{
		"": {"issuer": {"https://login.evil.example"}, "clientID": {"souk"}, "enabled": {"on"}}, "/test": {}, "/delete": {},
		"/domains": {"domain": {"people.example"}}, "/domains/people.example/prove": {"simulate": {"yes"}}, "/domains/people.example/remove": {},
	} {
		s.as("admin").post(t, own+"/sso"+path, form).want(t, http.StatusForbidden)
		s.as("stranger").post(t, own+"/sso"+path, form).want(t, http.StatusNotFound)
		s.as("").post(t, own+"/sso"+path, form).leads(t, "/login?return=%2F")
	}
}
