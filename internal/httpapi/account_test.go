package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func whoami(t *testing.T, e *httpapitest.Env, token string) httpapitest.Response {
	t.Helper()
	return e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: token})
}

func reset(t *testing.T, e *httpapitest.Env, token, password string) httpapitest.Response {
	t.Helper()
	return e.Do(t, post("/api/v1/password-reset/complete", api.PasswordReset{Token: token, Password: password}))
}

func TestPasswordReset(t *testing.T) {
	e := httpapitest.New(t)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleEditor)
	e.Member(t, httpapitest.Own, "bob@example.org", api.RoleEditor)
	first, second, bob := e.Session(t, "ann@example.org"), e.Session(t, "ann@example.org"), e.Session(t, "bob@example.org")
	early := forgot(t, e, "ann@example.org")
	e.Do(t, post("/api/v1/password-reset", api.EmailAddress{Email: "Ann@Example.org"})).Want(t, 202)
	token := link(t, e, "ann@example.org", "password/reset")
	whoami(t, e, first).Want(t, 200) // asking changes nothing
	if p := reset(t, e, token, "short").Want(t, 422).Problem(t); p.Errors[0].Location != "body.password" {
		t.Errorf("%+v", p)
	}
	reset(t, e, token, newPassword).Want(t, 204)
	for _, session := range []string{first, second} {
		whoami(t, e, session).Want(t, 401)
	}
	whoami(t, e, bob).Want(t, 200)
	tryLogin(t, e, "", "ann@example.org", httpapitest.Password).Want(t, 401)
	tryLogin(t, e, "", "ann@example.org", newPassword).Want(t, 200)
	if m := e.Mails(t, "ann@example.org")[0]; !strings.Contains(m.Subject, "was changed") {
		t.Errorf("the person is not told: %s", m.Subject)
	}
	for name, c := range map[string]struct{ token, code string }{"used": {token, "link-used"}, "an earlier one": {early, "link-used"}, "made up": {"soukmail_x", "link-unknown"}} {
		if got := reset(t, e, c.token, newPassword).Problem(t).Code; got != c.code {
			t.Errorf("%s: %s, want %s", name, got, c.code)
		}
	}
	late := forgot(t, e, "ann@example.org")
	e.Clock.Advance(time.Hour)
	if got := code(t, reset(t, e, late, newPassword), 410); got != "link-expired" {
		t.Error(got)
	}
	if n := count(t, e, "SELECT count(*) FROM audit_events WHERE action = 'password.reset' AND actor = 'ann@example.org'"); n != 1 {
		t.Errorf("%d audit entries", n)
	}
	if n := count(t, e, "SELECT count(*) FROM password_resets WHERE password_resets::text LIKE '%soukmail%'"); n != 0 {
		t.Error("tokens are kept as they are")
	}
}

func TestDisabledAccountsAreSentNothing(t *testing.T) {
	e := httpapitest.New(t)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleEditor)
	token := forgot(t, e, "ann@example.org")
	count(t, e, "WITH d AS (UPDATE accounts SET disabled_at = created_at WHERE email = $1 RETURNING 1) SELECT count(*) FROM d", "ann@example.org")
	before := len(e.Mails(t, "ann@example.org"))
	e.Do(t, post("/api/v1/password-reset", api.EmailAddress{Email: "ann@example.org"})).Want(t, 202)
	if len(e.Mails(t, "ann@example.org")) != before {
		t.Error("a link was sent")
	}
	if got := code(t, reset(t, e, token, newPassword), 404); got != "link-unknown" {
		t.Error(got)
	}
}

func TestPasswordChange(t *testing.T) {
	e := httpapitest.New(t, proxied)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleEditor)
	mine, other := e.Session(t, "ann@example.org"), e.Session(t, "ann@example.org")
	change := func(current, password string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "PUT", Path: "/api/v1/account/password", Token: mine, Key: "once", Body: api.PasswordChange{Current: current, New: password}, Header: map[string]string{"X-Forwarded-For": "203.0.113.5"}})
	}
	token := forgot(t, e, "ann@example.org")
	if p := change(httpapitest.Password, "short").Want(t, 422).Problem(t); p.Errors[0].Location != "body.new" {
		t.Errorf("%+v", p)
	}
	change(httpapitest.Password, newPassword).Want(t, 204)
	whoami(t, e, mine).Want(t, 200)
	whoami(t, e, other).Want(t, 401)
	tryLogin(t, e, "", "ann@example.org", newPassword).Want(t, 200)
	if got := code(t, reset(t, e, token, newPassword), 410); got != "link-used" {
		t.Errorf("a link of before: %s", got)
	}
	if n := count(t, e, "SELECT count(*) FROM idempotency_keys"); n != 0 {
		t.Error("a hash of the passwords is kept for repeats")
	}
	for range 4 { // somebody who found the session open
		if p := change("guess", newPassword).Want(t, 422).Problem(t); p.Errors[0].Location != "body.current" || p.Errors[0].Value != nil {
			t.Errorf("%+v", p)
		}
	}
	change(newPassword, httpapitest.Password).Want(t, 429)
	tryLogin(t, e, "198.51.100.7", "ann@example.org", newPassword).Want(t, 200)
}

func TestAccount(t *testing.T) {
	e := httpapitest.New(t)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleViewer)
	token := e.Session(t, "ann@example.org")
	patch := func(body string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "PATCH", Path: "/api/v1/account", Token: token, Body: body})
	}
	var a api.Account
	patch(`{"name": "Ann", "locale": "de"}`).Want(t, 200).Decode(t, &a)
	patch(`{"timeZone": "America/New_York"}`).Want(t, 200).Decode(t, &a)
	if a.Name != "Ann" || a.Locale != "de" || a.TimeZone != "America/New_York" || a.Email != "ann@example.org" || !a.Verified {
		t.Errorf("%+v", a)
	}
	for body, field := range map[string]string{`{"timeZone": "Nowhere"}`: "body.timeZone", `{"locale": "xx"}`: "body.locale", `{"name": "a\nb"}`: "body.name", `{"email": "x@example.org"}`: "body.email"} {
		if p := patch(body).Want(t, 422).Problem(t); p.Errors[0].Location != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
	p := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/account", Token: e.Token(t, httpapitest.Own, "", api.RoleOwner)}).Want(t, 403).Problem(t)
	if p.Code != "session-needed" {
		t.Errorf("a token: %+v", p)
	}
}

func TestSessions(t *testing.T) {
	e := httpapitest.New(t, proxied)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleViewer)
	e.Member(t, httpapitest.Own, "bob@example.org", api.RoleViewer)
	var in api.LoginResponse
	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: "ann@example.org", Password: httpapitest.Password},
		Header: map[string]string{"X-Forwarded-For": "203.0.113.7", "User-Agent": "Browser\t<b>é" + strings.Repeat("x", 300)}}).Want(t, 200).Decode(t, &in)
	e.Clock.Advance(time.Minute)
	mine, bob := e.Session(t, "ann@example.org"), e.Session(t, "bob@example.org")
	list := sessions(t, e, mine)
	if len(list) != 2 || !list[0].Current || list[1].Current || list[1].Address != "203.0.113.7" || !strings.HasPrefix(list[1].UserAgent, "Browser<b>") || len([]rune(list[1].UserAgent)) > 200 {
		t.Fatalf("%+v", list)
	}
	end := func(id, token string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/account/sessions/" + id, Token: token})
	}
	end(list[1].ID, bob).Want(t, 404)
	whoami(t, e, in.Token).Want(t, 200)
	end(list[1].ID, mine).Want(t, 204)
	whoami(t, e, in.Token).Want(t, 401)
	end(list[1].ID, mine).Want(t, 404)
	if left := sessions(t, e, mine); len(left) != 1 {
		t.Errorf("%+v", left)
	}
	end(list[0].ID, mine).Want(t, 204)
	whoami(t, e, mine).Want(t, 401)

	t.Run("all but one's own", func(t *testing.T) {
		mine, other := e.Session(t, "ann@example.org"), e.Session(t, "ann@example.org")
		for range 2 { // the second time there is none left
			e.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/account/sessions", Token: mine}).Want(t, 204)
		}
		whoami(t, e, mine).Want(t, 200)
		whoami(t, e, other).Want(t, 401)
		whoami(t, e, bob).Want(t, 200)
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE action = 'session.end-others' AND actor = 'ann@example.org'"); n != 1 {
			t.Errorf("%d audit entries", n)
		}
	})
}

func TestSweepLinks(t *testing.T) {
	e := httpapitest.New(t)
	e.Account(t, "ann@example.org")
	signedUp(t, e, newSignUp("bob@example.org"))
	forgot(t, e, "ann@example.org")
	for _, c := range []struct {
		after time.Duration
		left  int
	}{{0, 2}, {25 * time.Hour, 1}, {23 * time.Hour, 0}} {
		e.Clock.Advance(c.after)
		err := e.Store.System(t.Context(), func(tx store.Tx) error {
			_, err := tenancy.SweepLinks(t.Context(), tx, e.Clock.Now().Add(time.Second), 10)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, e, "SELECT (SELECT count(*) FROM signups) + (SELECT count(*) FROM password_resets)"); n != c.left {
			t.Errorf("after %s: %d links are kept, want %d", c.after, n, c.left)
		}
	}
}
