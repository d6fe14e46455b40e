package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/portal"
)

const password = "correct horse battery staple"

// follow opens the link of the newest mail to the address, as a browser does, and
// returns the page that it ends on.
func (s *site) follow(t *testing.T, who, email string) (path string, p page) {
	t.Helper()
	at, token := s.Link(t, email)
	path = "/" + at
	first := s.get(t, who, path+"?token="+token)
	first.leads(t, path)
	cookie := first.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Lax", "Path=" + path} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the token is handed over by %q, without %s", cookie, want)
		}
	}
	kept, _, _ := strings.Cut(cookie, ";")
	if who != "" {
		kept += "; souk=" + s.people[who]
	}
	return path, s.ask(t, "", "GET", path, nil, map[string]string{"Cookie": kept})
}

// session takes the session that an answer begins for somebody.
func (s *site) session(t *testing.T, p page, email string) *browser {
	t.Helper()
	for _, line := range p.header.Values("Set-Cookie") {
		if value, found := strings.CutPrefix(line, "souk="); found {
			s.people[email], _, _ = strings.Cut(value, ";")
			return &browser{s, email}
		}
	}
	t.Fatalf("no session begins: %v", p.header)
	return nil
}

func TestSignUpPages(t *testing.T) {
	s := newSite(t)
	nobody := s.as("")
	nobody.get(t, "/").want(t, http.StatusOK, `href="/signup"`)
	form := url.Values{"email": {"ann@example.org"}, "password": {"short"}, "displayName": {hostile}, "name": {"Not a name"}}
	refused := nobody.post(t, "/signup", form).want(t, http.StatusUnprocessableEntity).says(t, "ann@example.org", hostile).lacks(t, "<script>alert")
	refused.between(t, `id="password-problem">`, "<")
	refused.between(t, `id="name-problem">`, "<")
	if refused.field(t, "password") != "" {
		t.Error("the password is shown again")
	}
	form = url.Values{"email": {"ann@example.org"}, "password": {password}, "displayName": {"Ann's Bäckerei & Söhne"}}
	sent := nobody.post(t, "/signup", form)
	sent.leads(t, "/signup/sent")
	kept, _, _ := strings.Cut(sent.header.Get("Set-Cookie"), ";")
	s.ask(t, "", "GET", "/signup/sent", nil, map[string]string{"Cookie": kept}).want(t, http.StatusOK).says(t, "ann@example.org")
	nobody.get(t, "/signup/sent").leads(t, "/signup")
	nobody.post(t, "/login", url.Values{"email": {"ann@example.org"}, "password": {password}}).leads(t, "/signup/sent")
	nobody.post(t, "/signup/resend", url.Values{"email": {"ann@example.org"}}).leads(t, "/signup/sent?done=sent-again")

	path, confirm := s.follow(t, "", "ann@example.org")
	confirm.want(t, http.StatusOK)
	token := url.Values{"token": {confirm.field(t, "token")}}
	in := nobody.post(t, path, token)
	in.leads(t, "/o/ann-s-baeckerei-soehne?done=welcome")
	s.session(t, in, "ann@example.org").get(t, "/o/ann-s-baeckerei-soehne?done=welcome").want(t, http.StatusOK).says(t, "Welcome!", "Ann's Bäckerei & Söhne", "/order")
	nobody.post(t, path, token).want(t, http.StatusUnprocessableEntity).says(t, "works only once").between(t, `action="/signup/resend"`, "</form>")
	nobody.get(t, path).want(t, http.StatusOK).between(t, `action="/signup/resend"`, "</form>")
}

// The same is shown whether an address has an account.
func TestSignUpPagesTellNothingOfAccounts(t *testing.T) {
	s := newSite(t)
	s.Account(t, "known@example.org")
	for _, path := range []string{"/signup", "/password/forgot", "/signup/resend"} {
		var seen []string
		for _, email := range []string{"known@example.org", "other@example.org"} {
			name, _, _ := strings.Cut(email, "@")
			p := s.post(t, "", path, url.Values{"email": {email}, "password": {password}, "displayName": {name}})
			seen = append(seen, p.location+strings.ReplaceAll(p.text, email, ""))
		}
		if seen[0] != seen[1] || seen[0] == "" {
			t.Errorf("%s: %q", path, seen)
		}
	}
}

func TestPasswordPages(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, httpapitest.Own, "ann@example.org", api.RoleViewer)
	nobody := s.as("")
	nobody.post(t, "/password/forgot", url.Values{"email": {hostile}}).want(t, http.StatusUnprocessableEntity).says(t, hostile).lacks(t, "<script>alert").between(t, `id="email-problem">`, "<")
	nobody.post(t, "/password/forgot", url.Values{"email": {"ann@example.org"}}).leads(t, "/password/sent")
	path, p := s.follow(t, "", "ann@example.org")
	token := p.want(t, http.StatusOK).field(t, "token")
	again := nobody.post(t, path, url.Values{"token": {token}, "password": {"short"}}).want(t, http.StatusUnprocessableEntity)
	again.between(t, `id="password-problem">`, "<")
	nobody.post(t, path, url.Values{"token": {again.field(t, "token")}, "password": {"another horse battery"}}).leads(t, "/login?done=password-set")
	ann.get(t, own).leads(t, "/login?return=%2Fo%2Facme") // logged out everywhere
	nobody.post(t, "/login", url.Values{"email": {"ann@example.org"}, "password": {"another horse battery"}}).leads(t, own)
	nobody.post(t, path, url.Values{"token": {token}, "password": {"another horse battery"}}).want(t, http.StatusUnprocessableEntity).says(t, "works only once", "/password/forgot")
	nobody.get(t, path).want(t, http.StatusOK).says(t, "/password/forgot")
}

func TestPersonWithoutOrganization(t *testing.T) {
	s := newSite(t)
	ann := s.person(t, "", "ann@example.org", "")
	s.as("").post(t, "/login", url.Values{"email": {"ann@example.org"}, "password": {httpapitest.Password}}).leads(t, "/organizations/new")
	s.as("").get(t, "/organizations/new").leads(t, "/login?return=%2Forganizations%2Fnew")
	ann.get(t, "/").want(t, http.StatusOK, `href="/organizations/new"`)
	ann.get(t, "/signup").leads(t, "/organizations/new")
	ann.post(t, "/organizations/new", url.Values{"displayName": {hostile}, "name": {httpapitest.Own}}).want(t, http.StatusUnprocessableEntity).
		says(t, hostile).lacks(t, "<script>alert").between(t, `id="name-problem">`, "<")
	ann.post(t, "/organizations/new", url.Values{"displayName": {"Anns"}}).leads(t, "/o/anns?done=welcome")
	ann.get(t, "/o/anns?done=welcome").want(t, http.StatusOK).says(t, "Welcome!")
}

func TestInvitationPages(t *testing.T) {
	s := newSite(t)
	admin, nobody := s.as("admin"), s.as("")
	invite := func(email, role string) page {
		return admin.post(t, own+"/invitations", url.Values{"email": {email}, "role": {role}})
	}
	invite(hostile, "viewer").want(t, http.StatusUnprocessableEntity).says(t, hostile).lacks(t, "<script>alert").between(t, `id="email-problem">`, "<")
	invite("bob@example.org\r\nBcc: all@example.org", "viewer").want(t, http.StatusUnprocessableEntity)
	invite("bob@example.org", "owner").want(t, http.StatusForbidden)
	s.as("viewer").post(t, own+"/invitations", url.Values{"email": {"bob@example.org"}, "role": {"viewer"}}).want(t, http.StatusForbidden)
	s.as("stranger").post(t, own+"/invitations", url.Values{"email": {"bob@example.org"}, "role": {"viewer"}}).want(t, http.StatusNotFound)
	invite("bob@example.org", "editor").leads(t, own+"/members?done=invited")
	s.as("viewer").get(t, own+"/members").want(t, http.StatusOK).lacks(t, "bob@example.org", "/invitations")
	id := admin.get(t, own+"/members?done=invited").says(t, "bob@example.org", "on its way").between(t, `action="`+own+`/invitations/`, "/resend")
	admin.post(t, own+"/invitations/"+id+"/resend", nil).leads(t, own+"/members?done=invitation-resent")

	t.Run("somebody else who is logged in is told, and cannot redeem it", func(t *testing.T) {
		path, p := s.follow(t, "stranger", "bob@example.org")
		p.want(t, http.StatusOK).says(t, "This invitation is for bob@example.org").lacks(t, `name="token"`)
		_, token := s.Link(t, "bob@example.org")
		s.as("stranger").post(t, path, url.Values{"token": {token}}).want(t, http.StatusUnprocessableEntity).says(t, "for another address")
		s.as("stranger").post(t, "/logout", url.Values{"return": {"//evil.example"}}).leads(t, "/login")
	})
	t.Run("somebody new chooses a password and is in", func(t *testing.T) {
		path, p := s.follow(t, "", "bob@example.org")
		p.want(t, http.StatusOK).says(t, "acme", "Editor", "admin@acme.example")
		form := url.Values{"token": {p.field(t, "token")}, "password": {"short"}}
		nobody.post(t, path, form).want(t, http.StatusUnprocessableEntity).between(t, `id="password-problem">`, "<")
		form.Set("password", password)
		in := nobody.post(t, path, form)
		in.leads(t, own+"?done=joined")
		s.session(t, in, "bob@example.org").get(t, own+"?done=joined").want(t, http.StatusOK).says(t, "You are a member now")
		nobody.post(t, path, form).want(t, http.StatusUnprocessableEntity).says(t, "has been redeemed")
	})
	t.Run("who has an account logs in first, and comes back", func(t *testing.T) {
		bob := s.person(t, "", "bea@example.org", "")
		invite("bea@example.org", "viewer").leads(t, own+"/members?done=invited")
		_, p := s.follow(t, "", "bea@example.org")
		p.want(t, http.StatusOK).says(t, "/login?return=/invitation").lacks(t, `name="password"`)
		path, p := s.follow(t, bob.who, "bea@example.org")
		bob.post(t, path, url.Values{"token": {p.field(t, "token")}}).leads(t, own+"?done=joined")
		bob.get(t, own).want(t, http.StatusOK)
	})
	t.Run("taken back", func(t *testing.T) {
		invite("eve@example.org", "viewer")
		id := admin.get(t, own+"/members").between(t, `action="`+own+`/invitations/`, "/resend")
		admin.post(t, own+"/invitations/"+id+"/revoke", nil).leads(t, own+"/members?done=invitation-revoked")
		_, p := s.follow(t, "", "eve@example.org")
		p.want(t, http.StatusUnprocessableEntity).says(t, "has been taken back").lacks(t, `name="token"`)
	})
}

// Caught mail is for everybody to read, in souk dev only; what is in it can do
// nothing in the portal's name.
func TestCaughtMailPages(t *testing.T) {
	s := newSite(t)
	nobody := s.as("")
	nobody.get(t, "/dev/mail").want(t, http.StatusOK).says(t, "No mail yet")
	s.post(t, "", "/signup", url.Values{"email": {"ann@example.org"}, "password": {password}, "displayName": {"Ann"}})
	_, token := s.Link(t, "ann@example.org")
	id := nobody.get(t, "/dev/mail").says(t, "ann@example.org").between(t, `href="/dev/mail/`, `"`)
	nobody.get(t, "/dev/mail/"+id).want(t, http.StatusOK, `href="`+httpapitest.PublicURL+`/verify-email?token=`+token+`"`)
	html := nobody.get(t, "/dev/mail/"+id+"/html").want(t, http.StatusOK, token, `<base target="_top">`)
	policy := html.header.Get("Content-Security-Policy")
	for _, want := range []string{"sandbox ", "default-src 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, want) || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
			t.Errorf("the policy is %q, without %s", policy, want)
		}
	}
	nobody.get(t, "/dev/mail/nonsense").want(t, http.StatusNotFound)
	for _, r := range portal.New(portal.Config{API: s.Server.Handler(), Now: s.Clock.Now}).Routes() {
		if strings.Contains(r.Pattern, "/dev/") {
			t.Errorf("%s is there outside souk dev", r.Pattern)
		}
	}
}
