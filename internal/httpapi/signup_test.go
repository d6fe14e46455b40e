package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/mail"
	"souk/internal/ratelimit"
)

func verify(t *testing.T, e *httpapitest.Env, token string) httpapitest.Response {
	t.Helper()
	return e.Do(t, post("/api/v1/verify-email", api.LinkToken{Token: token}))
}

func code(t *testing.T, r httpapitest.Response, status int) string {
	t.Helper()
	return r.Want(t, status).Problem(t).Code
}

func TestSignUp(t *testing.T) {
	e := httpapitest.New(t)
	in := newSignUp("ann@example.org")
	in.Locale = "de"
	token := signedUp(t, e, in)
	m := e.Mails(t, in.Email)[0]
	if !strings.Contains(m.Subject, "Bestätigen") || !strings.Contains(m.Text, in.Organization.Name) || !strings.Contains(m.HTML, token) {
		t.Errorf("the mail is %+v", m)
	}
	if got := code(t, tryLogin(t, e, "", in.Email, in.Password), 403); got != "email-not-verified" {
		t.Errorf("logging in before the link is opened: %s", got)
	}
	if got := code(t, tryLogin(t, e, "", in.Email, "wrong"), 401); got != "login-failed" {
		t.Errorf("with a wrong password: %s", got)
	}
	if n := count(t, e, "SELECT count(*) FROM accounts WHERE email = $1", in.Email); n != 0 {
		t.Error("there is an account before the link was opened")
	}
	var session api.LoginResponse
	verify(t, e, token).Want(t, 200).Decode(t, &session)
	if session.Email != in.Email || len(session.Organizations) != 1 || session.Organizations[0].Name != in.Organization.Name || session.Organizations[0].Role != api.RoleOwner {
		t.Errorf("%+v", session)
	}
	var account api.Account
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/account", Token: session.Token}).Want(t, 200).Decode(t, &account)
	if account.Email != in.Email || account.Name != in.Name || account.Locale != "de" || !account.Verified || account.TimeZone == "" {
		t.Errorf("%+v", account)
	}
	at := place{in.Organization.Name, "default"}
	e.Do(t, httpapitest.Request{Method: "GET", Path: at.inProject(""), Token: session.Token}).Want(t, 200)
	tryLogin(t, e, "", in.Email, in.Password).Want(t, 200)
	if n := count(t, e, "SELECT count(*) FROM audit_events a JOIN organizations o ON o.id = a.organization_id WHERE o.name = $1 AND a.action = 'organization.create' AND a.actor = $2", in.Organization.Name, in.Email); n != 1 {
		t.Errorf("%d audit entries about the organization", n)
	}
}

// A link that is no good is refused, and says why; so is one that is opened twice
// at once.
func TestVerifyLinks(t *testing.T) {
	e := httpapitest.New(t)
	t.Run("used", func(t *testing.T) {
		token := signedUp(t, e, newSignUp(freshEmail()))
		var good atomic.Int32
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if verify(t, e, token).Status == 200 {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() != 1 {
			t.Errorf("%d sessions of one link", good.Load())
		}
		if got := code(t, verify(t, e, token), 410); got != "link-used" {
			t.Error(got)
		}
	})
	t.Run("too old", func(t *testing.T) {
		token := signedUp(t, e, newSignUp(freshEmail()))
		e.Clock.Advance(24 * time.Hour)
		if got := code(t, verify(t, e, token), 410); got != "link-expired" {
			t.Error(got)
		}
	})
	t.Run("made up", func(t *testing.T) {
		for _, token := range []string{"", "soukmail_" + strings.Repeat("A", 43), e.Token(t, httpapitest.Own, "", api.RoleOwner)} {
			if got := code(t, verify(t, e, token), 404); got != "link-unknown" {
				t.Error(got)
			}
		}
	})
	t.Run("sent again", func(t *testing.T) {
		in := newSignUp(freshEmail())
		first := signedUp(t, e, in)
		e.Do(t, post("/api/v1/verify-email/resend", api.EmailAddress{Email: in.Email})).Want(t, 202)
		second := link(t, e, in.Email, "verify-email")
		if got := code(t, verify(t, e, first), 404); got != "link-unknown" {
			t.Error(got)
		}
		verify(t, e, second).Want(t, 200)
	})
	t.Run("not a token to ask with", func(t *testing.T) {
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: signedUp(t, e, newSignUp(freshEmail()))}).Want(t, 401)
	})
	t.Run("of one who has an account by now", func(t *testing.T) {
		in := newSignUp(freshEmail())
		token := signedUp(t, e, in)
		e.Account(t, in.Email)
		if got := code(t, verify(t, e, token), 409); got != "account-exists" {
			t.Error(got)
		}
	})
}

// Nothing that a stranger sees or can try tells whether an address has an account.
func TestSigningUpTellsNothingOfAccounts(t *testing.T) {
	e := httpapitest.New(t)
	const known, unknown = "ann@example.org", "bob@example.org"
	e.Member(t, httpapitest.Own, known, api.RoleOwner)
	const guess = "a password of the stranger"
	asks := func(email string) []string {
		in := newSignUp(email)
		in.Password = guess
		var seen []string
		see := func(r httpapitest.Response) httpapitest.Response {
			text := string(r.Body)
			if r.Status >= 400 {
				p := r.Problem(t)
				text = p.Code + p.Detail
			}
			seen = append(seen, r.Header.Get("Content-Type")+strings.ReplaceAll(text, in.Organization.Name, "NAME"))
			return r
		}
		see(e.Do(t, post("/api/v1/signup", in))).Want(t, 202)
		see(tryLogin(t, e, "", email, guess)).Want(t, 403)
		other := newSignUp(freshEmail()) // is the name taken?
		other.Organization.Name = in.Organization.Name
		see(e.Do(t, post("/api/v1/signup", other))).Want(t, 409)
		see(e.Do(t, post("/api/v1/signup", in))).Want(t, 202)
		see(e.Do(t, post("/api/v1/verify-email/resend", api.EmailAddress{Email: email}))).Want(t, 202)
		see(e.Do(t, post("/api/v1/password-reset", api.EmailAddress{Email: email}))).Want(t, 202)
		return seen
	}
	if a, b := strings.Join(asks(known), "\n"), strings.Join(asks(unknown), "\n"); a != b {
		t.Errorf("with an account:\n%s\nwithout:\n%s", a, b)
	}
	for _, m := range e.Mails(t, known) {
		if strings.Contains(m.Text, "/verify-email?") {
			t.Errorf("the owner of the address was sent %s", m.Text)
		}
	}
	if got := e.Mails(t, known); len(got) != 4 || !strings.Contains(got[3].Subject, "have an account") || !strings.Contains(got[0].Subject, "new password") {
		t.Errorf("the owner of the address was sent %+v", got)
	}
	tryLogin(t, e, "", known, httpapitest.Password).Want(t, 200)
	if n := count(t, e, "SELECT count(*) FROM mails WHERE recipient IN ($1, $2) AND topic = 'password-reset'", known, unknown); n != 2 {
		t.Errorf("%d rows about new passwords: one of the two costs less", n)
	}
	// All of it is over after a day.
	e.Clock.Advance(24 * time.Hour)
	for _, email := range []string{known, unknown} {
		tryLogin(t, e, "", email, guess).Want(t, 401)
	}
}

// Whoever reads the mail decides which sign-up becomes the account: one that a
// stranger made with the same address has a link of its own.
func TestSignUpOfAStrangerWithMyAddress(t *testing.T) {
	e := httpapitest.New(t)
	mine, strangers := newSignUp("ann@example.org"), newSignUp("ann@example.org")
	strangers.Password = "a password of the stranger"
	token := signedUp(t, e, mine)
	signedUp(t, e, strangers)
	verify(t, e, token).Want(t, 200)
	tryLogin(t, e, "", mine.Email, strangers.Password).Want(t, 401)
	tryLogin(t, e, "", mine.Email, mine.Password).Want(t, 200)
	taken := newSignUp(freshEmail())
	taken.Organization.Name = strangers.Organization.Name // not held any more
	e.Do(t, post("/api/v1/signup", taken)).Want(t, 202)
}

func TestBadSignUps(t *testing.T) {
	e := httpapitest.New(t)
	held := newSignUp(freshEmail())
	signedUp(t, e, held)
	for _, c := range []struct {
		name   string
		change func(in *api.SignUp)
		status int
		field  string
	}{
		{"a name that an organization has", func(in *api.SignUp) { in.Organization.Name = httpapitest.Own }, 409, "body.organization.name"},
		{"a name that waits for its link", func(in *api.SignUp) { in.Organization.Name = held.Organization.Name }, 409, "body.organization.name"},
		{"a name with spaces", func(in *api.SignUp) { in.Organization.Name = "My Org" }, 422, "body.organization.name"},
		{"a short password", func(in *api.SignUp) { in.Password = "elevenchars" }, 422, "body.password"},
		{"the address as password", func(in *api.SignUp) { in.Password = strings.ToUpper(in.Email) }, 422, "body.password"},
		{"a name beside the address", func(in *api.SignUp) { in.Email = "Ann <ann@example.org>" }, 422, "body.email"},
		{"a line end in the address", func(in *api.SignUp) { in.Email = "ann@example.org\r\nBcc: all@example.org" }, 422, "body.email"},
		{"a line end in the name", func(in *api.SignUp) { in.Name = "Ann\r\nBcc: all@example.org" }, 422, "body.name"},
		{"a line end in the organization's name", func(in *api.SignUp) { in.Organization.DisplayName = "x\n" }, 422, "body.organization.displayName"},
		{"a language that is none", func(in *api.SignUp) { in.Locale = "xx" }, 422, "body.locale"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newSignUp(freshEmail())
			c.change(&in)
			p := e.Do(t, post("/api/v1/signup", in)).Want(t, c.status).Problem(t)
			if len(p.Errors) != 1 || p.Errors[0].Location != c.field {
				t.Errorf("%+v, want %s", p, c.field)
			}
			if len(p.Errors) == 1 && c.field == "body.password" && p.Errors[0].Value != nil {
				t.Error("the problem shows the password")
			}
		})
	}
	t.Run("several at once", func(t *testing.T) {
		in := newSignUp(freshEmail())
		in.Password, in.Organization.Name = "short", "X"
		if p := e.Do(t, post("/api/v1/signup", in)).Want(t, 422).Problem(t); len(p.Errors) != 2 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("a name that the operator gives away meanwhile", func(t *testing.T) {
		e.Account(t, "boss@example.org")
		e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations", Token: e.Token(t, httpapitest.Operator, "", api.RoleOwner),
			Body: api.OrganizationCreate{Name: held.Organization.Name, Owner: "boss@example.org"}}).Want(t, 409)
	})
}

// Two who sign up for one name at once do not both get it.
func TestRaceForTheNameOfAnOrganization(t *testing.T) {
	e := httpapitest.New(t)
	name := freshName()
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			in := newSignUp(freshEmail())
			in.Organization.Name = name
			if e.Do(t, post("/api/v1/signup", in)).Status == 202 {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 1 {
		t.Errorf("%d got the name", taken.Load())
	}
}

// Whoever has much mail sent is told to wait; others are not, and neither is
// anybody kept from logging in.
func TestMailThatAStrangerHasSent(t *testing.T) {
	few := ratelimit.Rate{PerSecond: 0.001, Burst: 3}
	e := httpapitest.New(t, proxied, func(c *httpapi.Config) { c.PerWriter = few })
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleViewer)
	from := func(address string, q httpapitest.Request) httpapitest.Response {
		q.Header = map[string]string{"X-Forwarded-For": address}
		return e.Do(t, q)
	}
	reset := post("/api/v1/password-reset", api.EmailAddress{Email: "ann@example.org"})
	for range 3 {
		from("203.0.113.1", reset).Want(t, 202)
	}
	for _, q := range []httpapitest.Request{reset, post("/api/v1/signup", newSignUp(freshEmail())), post("/api/v1/verify-email/resend", api.EmailAddress{Email: freshEmail()})} {
		if from("203.0.113.1", q).Want(t, 429).Header.Get("Retry-After") == "" {
			t.Error("it does not say how long to wait")
		}
	}
	from("203.0.113.2", post("/api/v1/signup", newSignUp(freshEmail()))).Want(t, 202)
	for i := range mail.Most {
		from(fmt.Sprintf("203.0.113.%d", 10+i), reset).Want(t, 202)
	}
	if n := len(e.Mails(t, "ann@example.org")); n != mail.Most {
		t.Errorf("%d mails in an hour", n)
	}
	tryLogin(t, e, "203.0.113.1", "ann@example.org", httpapitest.Password).Want(t, 200)
}
