package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/sso"
	"souk/internal/sso/conformance"
	"souk/internal/sso/fakeprovider"
	"souk/internal/store"
)

func TestSSOConformance(t *testing.T) {
	e := httpapitest.New(t)
	conformance.Test(t, e, targetOf(newProvider(t, e)))
}

// attack is an organization with single sign-on, and somebody who wants in.
type attack struct {
	conformance.Desk
	provider *fakeprovider.Provider
	target   conformance.Target
	ann      conformance.Person
}

func newAttack(t *testing.T) attack {
	t.Helper()
	e := httpapitest.New(t)
	p := newProvider(t, e)
	a := attack{provider: p, target: targetOf(p), ann: conformance.Person{Subject: "s-ann", Email: "ann@acme.example", Verified: true, Groups: []string{"developers"}}}
	a.Desk = conformance.Connect(t, e, httpapitest.Own, "acme.example", a.target)
	a.target.Know(t, a.ann)
	return a
}

// fails is the code that a sign-in is refused with. Nobody is made an account or
// logged in by it.
func (a attack) fails(t *testing.T, answer api.SSOFinish) string {
	t.Helper()
	const held = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM members)"
	before := count(t, a.Env, held)
	got := a.Finish(t, answer)
	if got.Status < 400 {
		t.Fatalf("somebody got in: %s", got.Body)
	}
	if after := count(t, a.Env, held); after != before {
		t.Errorf("a refused sign-in leaves something: %d, before %d", after, before)
	}
	return got.Problem(t).Code
}

// honest is an answer as the provider gives it.
func (a attack) honest(t *testing.T) (api.SSOFlow, api.SSOFinish) {
	t.Helper()
	flow := a.Begin(t, a.ann.Email)
	return flow, conformance.Answer(flow, a.provider.SignIn(t, flow.URL))
}

func TestSSOAttacks(t *testing.T) {
	a := newAttack(t)
	is := func(t *testing.T, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("refused with %s, want %s", got, want)
		}
	}

	t.Run("a forged state", func(t *testing.T) {
		_, answer := a.honest(t)
		answer.State = strings.Repeat("A", 43)
		is(t, a.fails(t, answer), "sso-state")
		answer.State = ""
		is(t, a.fails(t, answer), "sso-state")
	})
	t.Run("a replayed state", func(t *testing.T) {
		_, answer := a.honest(t)
		a.Finish(t, answer).Want(t, 200)
		is(t, a.fails(t, answer), "sso-state")
		flow := a.Begin(t, a.ann.Email)
		again := conformance.Answer(flow, a.provider.SignIn(t, flow.URL))
		again.State = answer.State
		is(t, a.fails(t, again), "sso-state")
	})
	t.Run("an answer that another browser began", func(t *testing.T) {
		_, mine := a.honest(t)
		other, _ := a.honest(t)
		planted := mine
		planted.Secret = other.Secret
		is(t, a.fails(t, planted), "sso-state")
		planted.Secret = ""
		is(t, a.fails(t, planted), "sso-state")
		a.Finish(t, mine).Want(t, 200) // and it spoils nothing
	})
	t.Run("an answer that comes too late", func(t *testing.T) {
		_, answer := a.honest(t)
		a.Clock.Advance(10 * time.Minute)
		is(t, a.fails(t, answer), "sso-state")
	})
	t.Run("a replayed nonce", func(t *testing.T) {
		var old any
		a.provider.Claims(func(c fakeprovider.Claims) { old = c["nonce"] })
		_, answer := a.honest(t)
		a.Finish(t, answer).Want(t, 200)
		a.provider.Claims(func(c fakeprovider.Claims) { c["nonce"] = old })
		defer a.provider.Honest()
		_, answer = a.honest(t)
		is(t, a.fails(t, answer), "sso-token")
	})
	t.Run("a code of another browser", func(t *testing.T) { // PKCE
		_, stolen := a.honest(t)
		_, answer := a.honest(t)
		answer.Code = stolen.Code
		is(t, a.fails(t, answer), "sso-provider-down")
	})

	token := func(name string, claims func(fakeprovider.Claims), sign func([]byte) string) {
		t.Run(name, func(t *testing.T) {
			a.provider.Claims(claims)
			if sign != nil {
				a.provider.Sign(sign)
			}
			defer a.provider.Honest()
			_, answer := a.honest(t)
			is(t, a.fails(t, answer), "sso-token")
		})
	}
	set := func(name string, value any) func(fakeprovider.Claims) {
		return func(c fakeprovider.Claims) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	token("a token of another audience", set("aud", "another-client"), nil)
	token("a token of several audiences", set("aud", []string{"another-client", fakeprovider.ClientID}), nil)
	token("a token issued to another client", set("azp", "another-client"), nil)
	token("a token of another issuer", set("iss", "https://login.evil.example"), nil)
	token("a token without a nonce", set("nonce", nil), nil)
	token("a token that has expired", set("exp", a.Clock.Now().Add(-time.Minute).Unix()), nil)
	token("a token that never expires", set("exp", nil), nil)
	token("a token about nobody", set("sub", ""), nil)
	token("a wrong-key token", nil, func(payload []byte) string { return fakeprovider.ES256(fakeprovider.NewKey(), payload) })
	token("an unsigned token", nil, fakeprovider.Unsigned)
	token("a token signed by the client secret", nil, func(payload []byte) string { return fakeprovider.HS256([]byte(fakeprovider.ClientSecret), payload) })
	token("no token", nil, func([]byte) string { return "" })

	t.Run("another provider mixes itself in", func(t *testing.T) {
		for _, issuer := range []string{"https://login.evil.example", ""} {
			_, answer := a.honest(t)
			answer.Issuer = issuer
			is(t, a.fails(t, answer), "sso-token")
		}
	})
	t.Run("a provider that names another issuer", func(t *testing.T) {
		other := newProvider(t, a.Env)
		other.Document(func(d map[string]any) { d["issuer"] = a.provider.URL })
		a.Put(t, a.target, func(p *api.SSOPut) { p.Issuer = other.URL }).Want(t, 200)
		defer a.Put(t, a.target, nil)
		got := a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/sso/start", Body: api.SSOStart{Email: a.ann.Email}})
		is(t, got.Want(t, 409).Problem(t).Code, "sso-provider-down")
	})
	t.Run("an unverified e-mail address", func(t *testing.T) {
		for _, verified := range []any{false, "false", nil, 1, "yes"} {
			a.provider.Claims(set("email_verified", verified))
			_, answer := a.honest(t)
			is(t, a.fails(t, answer), "sso-email-unverified")
		}
		a.provider.Honest()
	})
	t.Run("an address of another organization's domain", func(t *testing.T) {
		victim := "owner@other.example"
		a.Member(t, httpapitest.Other, victim, api.RoleOwner)
		for _, email := range []string{victim, "ann@acme.example.evil.example", "ann@evil.example", "ann@sub.acme.example", "ann@acme.example@evil.example"} {
			a.provider.Claims(set("email", email))
			_, answer := a.honest(t)
			if code := a.fails(t, answer); code != "sso-domain" && code != "sso-email" {
				t.Errorf("%s: refused with %s", email, code)
			}
		}
		a.provider.Honest()
	})
	t.Run("the provider down", func(t *testing.T) {
		_, answer := a.honest(t)
		a.provider.Down(true)
		defer a.provider.Honest()
		is(t, a.fails(t, answer), "sso-provider-down")
	})
	t.Run("a user whom the provider refuses", func(t *testing.T) {
		_, answer := a.honest(t)
		answer.Code, answer.Error = "", "access_denied"
		is(t, a.fails(t, answer), "sso-refused")
	})
	t.Run("a key that the provider has rotated", func(t *testing.T) {
		a.provider.Rotate()
		_, answer := a.honest(t)
		a.Finish(t, answer).Want(t, 200)
		n := a.provider.KeysFetched()
		_, answer = a.honest(t)
		a.Finish(t, answer).Want(t, 200)
		if now := a.provider.KeysFetched(); now != n {
			t.Errorf("the keys were fetched %d times more for a key that is known", now-n)
		}
	})
}

// The provider down when the sign-in begins: said, and an owner gets in all the same.
func TestSSOProviderDown(t *testing.T) {
	a := newAttack(t)
	a.provider.Close()
	owner := freshName() + "@acme.example"
	a.Member(t, httpapitest.Own, owner, api.RoleOwner)
	a.Put(t, a.target, func(p *api.SSOPut) { p.PasswordsAllowed = false }).Want(t, 200)
	p := a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/sso/start", Body: api.SSOStart{Email: a.ann.Email}}).Want(t, 409).Problem(t)
	if p.Code != "sso-provider-down" || !strings.Contains(p.Detail, "Nothing listens") {
		t.Errorf("%+v", p)
	}
	a.Login(t, owner)
	var test api.SSOTest
	a.Do(t, httpapitest.Request{Method: "POST", Path: own.path("/sso/test"), Token: a.Owner}).Want(t, 200).Decode(t, &test)
	if test.OK || !strings.Contains(test.Problem, "Nothing listens") {
		t.Errorf("%+v", test)
	}
}

func TestSSOPasswords(t *testing.T) {
	a := newAttack(t)
	login := func(email string) httpapitest.Response {
		return a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: email, Password: httpapitest.Password}})
	}
	owner, member, elsewhere, outsider := freshName()+"@acme.example", freshName()+"@ACME.example", freshName()+"@other.example", freshName()+"@acme.example"
	a.Member(t, httpapitest.Own, owner, api.RoleOwner)
	a.Member(t, httpapitest.Own, member, api.RoleAdmin)
	a.Member(t, httpapitest.Own, elsewhere, api.RoleAdmin)
	a.Member(t, httpapitest.Other, outsider, api.RoleAdmin)
	everybody := []string{owner, member, elsewhere, outsider}
	for _, email := range everybody {
		login(email).Want(t, 200)
	}
	a.Put(t, a.target, func(p *api.SSOPut) { p.PasswordsAllowed = false }).Want(t, 200)
	for _, email := range everybody {
		got := login(email)
		if email != member {
			got.Want(t, 200)
		} else if code := got.Want(t, 409).Problem(t).Code; code != "sso-required" {
			t.Error(code)
		}
	}
	// Who is elsewhere too gets there by the password, and there only; a session that
	// began before opens no more.
	both := freshName() + "@acme.example"
	a.Member(t, httpapitest.Other, both, api.RoleEditor)
	before := a.Login(t, both)
	a.Do(t, httpapitest.Request{Method: "PUT", Path: own.path("/members"), Token: a.Owner, Body: api.MemberPut{Email: both, Role: api.RoleAdmin}}).Want(t, 200)
	for _, token := range []string{before, a.Login(t, both)} {
		a.Do(t, httpapitest.Request{Method: "GET", Path: own.path(""), Token: token}).Want(t, 404)
		a.Do(t, httpapitest.Request{Method: "GET", Path: other.path(""), Token: token}).Want(t, 200)
	}
	// A wrong password reads as ever.
	got := a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: member, Password: "wrong"}})
	if code := got.Want(t, 401).Problem(t).Code; code != "login-failed" {
		t.Error(code)
	}
	a.Put(t, a.target, func(p *api.SSOPut) { p.PasswordsAllowed, p.Enabled = false, false }).Want(t, 200)
	a.Clock.Advance(time.Hour)
	login(member).Want(t, 200)
}

// An invitation is no way around single sign-on, for somebody new or logged in
// with a password; with it, it is redeemed as ever.
func TestSSOInvitations(t *testing.T) {
	a := newAttack(t)
	a.Put(t, a.target, func(p *api.SSOPut) { p.PasswordsAllowed = false }).Want(t, 200)
	email := freshName() + "@acme.example"
	token := invitation(t, a.Env, own, email)
	for _, session := range []string{"", "with a password"} {
		if session != "" {
			a.Account(t, email)
			session = a.Login(t, email)
		}
		if code := a.Do(t, redeem(token, session)).Want(t, 409).Problem(t).Code; code != "sso-required" {
			t.Error(code)
		}
		if session != "" {
			projects(t, a.Env, own, session).Want(t, 404)
		}
	}
	if n := count(t, a.Env, "SELECT count(*) FROM members m JOIN accounts a ON a.id = m.account_id WHERE a.email = $1", email); n != 0 {
		t.Error("a member all the same")
	}
	token = invitation(t, a.Env, own, freshName()+"@other.example")
	a.Do(t, redeem(token, "")).Want(t, 200) // of no domain of theirs

	token = invitation(t, a.Env, place{httpapitest.Own, httpapitest.OwnProject}, a.ann.Email)
	var in api.SSOLogin
	a.SignIn(t, a.target, a.ann).Want(t, 200).Decode(t, &in)
	got := a.Do(t, redeem(token, in.Token))
	if got.Status != 200 && got.Problem(t).Code != "already-a-member" {
		t.Errorf("%s", got.Body)
	}
}

// Whoever came by single sign-on has no password that could be guessed or changed.
func TestSSONewcomer(t *testing.T) {
	a := newAttack(t)
	var in api.SSOLogin
	a.SignIn(t, a.target, a.ann).Want(t, 200).Decode(t, &in)
	for _, password := range []string{"", "anything at all"} {
		a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: map[string]string{"email": a.ann.Email, "password": password}}).Want(t, 401)
	}
	got := a.Do(t, httpapitest.Request{Method: "PUT", Path: "/api/v1/account/password", Token: in.Token, Body: map[string]string{"current": "", "new": "a long enough password"}})
	if code := got.Want(t, 409).Problem(t).Code; code != "no-password" {
		t.Error(code)
	}
	if n := count(t, a.Env, "SELECT count(*) FROM audit_events WHERE actor = 'single sign-on' AND action = 'member.add' AND object_name = $1 AND details->>'role' = 'editor' AND details->'groups' = '[\"developers\"]'", a.ann.Email); n != 1 {
		t.Errorf("%d audit entries of the membership", n)
	}
	if n := count(t, a.Env, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action = 'session.create' AND details->>'sso' = $2", a.ann.Email, httpapitest.Own); n != 1 {
		t.Errorf("%d audit entries of the log-in", n)
	}
}

func TestSSOLinks(t *testing.T) {
	a := newAttack(t)
	a.Member(t, httpapitest.Own, "Ann@Acme.example", api.RoleViewer) // by hand, before
	var in api.SSOLogin
	a.SignIn(t, a.target, a.ann).Want(t, 200).Decode(t, &in)
	if in.Email != "Ann@Acme.example" || in.Organizations[0].Role != api.RoleViewer {
		t.Errorf("a role that was given by hand was changed: %+v", in)
	}
	t.Run("by the subject, when the address changes", func(t *testing.T) {
		married := a.ann
		married.Email = "ann.new@acme.example"
		var again api.SSOLogin
		a.SignIn(t, a.target, married).Want(t, 200).Decode(t, &again)
		if again.Email != "Ann@Acme.example" {
			t.Errorf("%+v", again)
		}
	})
	t.Run("not for somebody else who got the address", func(t *testing.T) {
		successor := a.ann
		successor.Subject = "s-another-ann"
		if code := a.SignIn(t, a.target, successor).Want(t, 403).Problem(t).Code; code != "sso-somebody-else" {
			t.Error(code)
		}
	})
	t.Run("not for a disabled account", func(t *testing.T) {
		run(t, a.Env, "UPDATE accounts SET disabled_at = created_at WHERE email = 'Ann@Acme.example'")
		if code := a.SignIn(t, a.target, a.ann).Want(t, 403).Problem(t).Code; code != "account-disabled" {
			t.Error(code)
		}
		run(t, a.Env, "UPDATE accounts SET disabled_at = NULL")
	})
	t.Run("not for an account of a domain that went to others", func(t *testing.T) {
		run(t, a.Env, "UPDATE accounts SET email = 'ann@sold.example' WHERE email = 'Ann@Acme.example'")
		if code := a.SignIn(t, a.target, a.ann).Want(t, 403).Problem(t).Code; code != "sso-domain" {
			t.Error(code)
		}
	})
}

// A provider opens its own organization only, whatever else the person may enter.
func TestSSOOpensOneOrganization(t *testing.T) {
	a := newAttack(t)
	elsewhere := a.Member(t, httpapitest.Other, a.ann.Email, api.RoleOwner)
	var in api.SSOLogin
	a.SignIn(t, a.target, a.ann).Want(t, 200).Decode(t, &in)
	if len(in.Organizations) != 1 || in.Organizations[0].Name != httpapitest.Own {
		t.Errorf("%+v", in.Organizations)
	}
	ask := func(token, method, path string, body any) httpapitest.Response {
		return a.Do(t, httpapitest.Request{Method: method, Path: path, Token: token, Body: body})
	}
	ask(in.Token, "GET", other.path(""), nil).Want(t, 404)
	ask(in.Token, "DELETE", other.path("/members/"+elsewhere.String()), nil).Want(t, 404)
	device := beginDevice(t, a.Env)
	ask(in.Token, "POST", "/api/v1/device/approve", api.DeviceDecision{UserCode: device.UserCode}).Want(t, 204)
	var program api.LoginResponse
	a.Do(t, deviceRequest("/token", api.DeviceExchange{DeviceCode: device.DeviceCode})).Want(t, 200).Decode(t, &program)
	ask(program.Token, "GET", other.path(""), nil).Want(t, 404)
	if code := ask(in.Token, "POST", "/api/v1/account/organizations", api.SignUpOrganization{Name: freshName()}).Want(t, 409).Problem(t).Code; code != "sso-elsewhere" {
		t.Error(code)
	}
	if code := ask(in.Token, "POST", totpPath, nil).Want(t, 409).Problem(t).Code; code != "sso-second-factor" {
		t.Error(code)
	}
	// With the password everything is there.
	ask(a.Login(t, a.ann.Email), "GET", other.path(""), nil).Want(t, 200)
}

func TestSSORoles(t *testing.T) {
	a := newAttack(t)
	ask := func(token string) int {
		return a.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/members"), Token: token}).Status
	}
	roleOf := func(email string) (role string) {
		_ = a.Store.SystemPool().QueryRow(t.Context(), "SELECT m.role FROM members m JOIN accounts a ON a.id = m.account_id WHERE a.email = $1", email).Scan(&role)
		return role
	}
	with := func(groups ...string) httpapitest.Response {
		who := a.ann
		who.Groups = groups
		return a.SignIn(t, a.target, who)
	}
	owners := func(p *api.SSOPut) { p.Groups = append(p.Groups, api.SSOGroup{Group: "board", Role: api.RoleOwner}) }

	a.Put(t, a.target, owners).Want(t, 200)
	with("board", "developers").Want(t, 200)
	if r := roleOf(a.ann.Email); r != "owner" {
		t.Fatalf("the role is %q", r)
	}
	t.Run("the last owner stays", func(t *testing.T) {
		with("developers").Want(t, 200)
		if r := roleOf(a.ann.Email); r != "owner" {
			t.Errorf("the role is %q", r)
		}
		with().Want(t, 200)
	})
	t.Run("an owner who is not the last goes", func(t *testing.T) {
		a.Member(t, httpapitest.Own, freshEmail(), api.RoleOwner)
		with("developers").Want(t, 200)
		if r := roleOf(a.ann.Email); r != "editor" {
			t.Errorf("the role is %q", r)
		}
	})
	t.Run("a default role", func(t *testing.T) {
		a.Put(t, a.target, func(p *api.SSOPut) { p.DefaultRole = api.RoleBilling }).Want(t, 200)
		with("chess").Want(t, 200)
		if r := roleOf(a.ann.Email); r != "billing" {
			t.Errorf("the role is %q", r)
		}
		a.Put(t, a.target, func(p *api.SSOPut) {}).Want(t, 200)
	})
	t.Run("a role by hand stays", func(t *testing.T) {
		a.Do(t, httpapitest.Request{Method: "PUT", Path: own.path("/members"), Token: a.Owner, Body: api.MemberPut{Email: a.ann.Email, Role: api.RoleViewer}}).Want(t, 200)
		var in api.SSOLogin
		with("platform").Want(t, 200).Decode(t, &in)
		if r := roleOf(a.ann.Email); r != "viewer" || ask(in.Token) != 200 {
			t.Errorf("the role is %q", r)
		}
		with().Want(t, 200)
	})
	t.Run("a role in a project, by hand, is a way in too", func(t *testing.T) {
		email := "pete@acme.example"
		a.Account(t, email)
		a.Do(t, httpapitest.Request{Method: "PUT", Path: own.path("/members"), Token: a.Owner, Body: api.MemberPut{Email: email, Role: api.RoleEditor, Project: httpapitest.OwnProject}}).Want(t, 200)
		a.SignIn(t, a.target, conformance.Person{Subject: "s-pete", Email: email, Verified: true}).Want(t, 200)
	})
}

// What ends single sign-on ends the sessions that began by it, also on devices.
func TestSSOEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, a attack){
		"when it is turned off": func(t *testing.T, a attack) {
			a.Put(t, a.target, func(p *api.SSOPut) { p.Enabled = false }).Want(t, 200)
		},
		"when it is taken away": func(t *testing.T, a attack) {
			a.Do(t, httpapitest.Request{Method: "DELETE", Path: own.path("/sso"), Token: a.Owner}).Want(t, 204)
		},
		"when the domain is given up": func(t *testing.T, a attack) {
			a.Do(t, httpapitest.Request{Method: "DELETE", Path: own.path("/sso/domains/acme.example"), Token: a.Owner}).Want(t, 204)
		},
		"when another provider takes over": func(t *testing.T, a attack) {
			a.Put(t, targetOf(newProvider(t, a.Env)), nil).Want(t, 200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttack(t)
			var in api.SSOLogin
			a.SignIn(t, a.target, a.ann).Want(t, 200).Decode(t, &in)
			device := beginDevice(t, a.Env)
			a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/device/approve", Token: in.Token, Body: api.DeviceDecision{UserCode: device.UserCode}}).Want(t, 204)
			var program api.LoginResponse
			a.Do(t, deviceRequest("/token", api.DeviceExchange{DeviceCode: device.DeviceCode})).Want(t, 200).Decode(t, &program)
			_, pending := a.honest(t)
			end(t, a)
			for _, token := range []string{in.Token, program.Token} {
				a.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: token}).Want(t, 401)
			}
			if code := a.fails(t, pending); code != "sso-changed" {
				t.Errorf("a sign-in that was under way: %s", code)
			}
			a.Put(t, a.target, nil).Want(t, 200) // and nothing revives them
			a.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: in.Token}).Want(t, 401)
		})
	}
}

func TestSSOSettings(t *testing.T) {
	a := newAttack(t)
	read := func() (out api.SSO, raw string) {
		got := a.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/sso"), Token: a.Owner}).Want(t, 200)
		got.Decode(t, &out)
		return out, string(got.Body)
	}
	t.Run("never give the client secret back", func(t *testing.T) {
		out, raw := read()
		if strings.Contains(raw, fakeprovider.ClientSecret) || !out.ClientSecretKept || out.RedirectURI != a.URL+"/sso/callback" {
			t.Errorf("%s", raw)
		}
		if n := count(t, a.Env, "SELECT count(*) FROM audit_events WHERE details::text LIKE '%' || $1 || '%'", fakeprovider.ClientSecret); n != 0 {
			t.Error("the audit log holds the client secret")
		}
		if n := count(t, a.Env, "SELECT count(*) FROM sso_connections WHERE encode(sealed, 'escape') LIKE '%' || $1 || '%'", fakeprovider.ClientSecret); n != 0 {
			t.Error("the client secret is not sealed")
		}
	})
	t.Run("keep the client secret, but for nobody else", func(t *testing.T) {
		a.Put(t, a.target, func(p *api.SSOPut) { p.ClientSecret = nil }).Want(t, 200)
		a.SignIn(t, a.target, a.ann).Want(t, 200)
		thief := newProvider(t, a.Env)
		got := a.Put(t, a.target, func(p *api.SSOPut) { p.ClientSecret, p.Issuer = nil, thief.URL })
		if f := got.Want(t, 422).Problem(t).Errors; f[0].Location != "body.clientSecret" {
			t.Errorf("%+v", f)
		}
	})
	for name, c := range map[string]struct {
		field  string
		change func(*api.SSOPut)
	}{
		"no issuer":               {"body.issuer", func(p *api.SSOPut) { p.Issuer = "" }},
		"an issuer without TLS":   {"body.issuer", func(p *api.SSOPut) { p.Issuer = "http://login.example.com" }},
		"an issuer with a log-in": {"body.issuer", func(p *api.SSOPut) { p.Issuer = "https://me:secret@login.example.com" }},
		"an issuer with a query":  {"body.issuer", func(p *api.SSOPut) { p.Issuer = "https://login.example.com/?a=b" }},
		"a file":                  {"body.issuer", func(p *api.SSOPut) { p.Issuer = "file:///etc/passwd" }},
		"a client ID of lines":    {"body.clientID", func(p *api.SSOPut) { p.ClientID = "a\r\nb" }},
		"a group twice":           {"body.groups[2].group", func(p *api.SSOPut) { p.Groups = append(p.Groups, p.Groups[0]) }},
		"no group":                {"body.groups[0].group", func(p *api.SSOPut) { p.Groups[0].Group = " " }},
		"owner for everybody":     {"body.defaultRole", func(p *api.SSOPut) { p.DefaultRole = api.RoleOwner }},
	} {
		t.Run("refuse "+name, func(t *testing.T) {
			if f := a.Put(t, a.target, c.change).Want(t, 422).Problem(t).Errors; len(f) == 0 || f[0].Location != c.field {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestSSODomains(t *testing.T) {
	a := newAttack(t)
	b := conformance.Desk{Env: a.Env, Organization: httpapitest.Other, Owner: a.Token(t, httpapitest.Other, "", api.RoleOwner)}
	ask := func(d conformance.Desk, method, rest string, body any) httpapitest.Response {
		return a.Do(t, httpapitest.Request{Method: method, Path: place{organization: d.Organization}.path("/sso/domains" + rest), Token: d.Owner, Body: body})
	}
	t.Run("are bound once they are proven", func(t *testing.T) {
		var claim api.SSODomain
		ask(b, "POST", "", api.SSODomainClaim{Domain: " Globex.Example. "}).Want(t, 201).Decode(t, &claim)
		if claim.Domain != "globex.example" || claim.ProvenAt != nil {
			t.Errorf("%+v", claim)
		}
		if code := ask(b, "POST", "/globex.example/prove", api.SSODomainProof{}).Want(t, 409).Problem(t).Code; code != "domain-not-proven" {
			t.Error(code)
		}
		a.DNS.Publish(claim.RecordName, "souk-verification=another")
		ask(b, "POST", "/globex.example/prove", api.SSODomainProof{}).Want(t, 409)
		a.DNS.Publish(claim.RecordName, claim.RecordValue)
		ask(b, "POST", "/globex.example/prove", api.SSODomainProof{}).Want(t, 200).Decode(t, &claim)
		if claim.Proof != "dns" || claim.ProvenAt == nil {
			t.Errorf("%+v", claim)
		}
		ask(b, "POST", "", api.SSODomainClaim{Domain: "globex.example"}).Want(t, 409)
	})
	t.Run("belong to one organization", func(t *testing.T) {
		var claim api.SSODomain
		ask(b, "POST", "", api.SSODomainClaim{Domain: "acme.example"}).Want(t, 201).Decode(t, &claim) // a claim takes nothing away
		a.SignIn(t, a.target, a.ann).Want(t, 200)
		a.DNS.Publish(claim.RecordName, claim.RecordValue)
		if code := ask(b, "POST", "/acme.example/prove", api.SSODomainProof{}).Want(t, 409).Problem(t).Code; code != "domain-taken" {
			t.Error(code)
		}
	})
	t.Run("are simulated in development only, and say so", func(t *testing.T) {
		var claim api.SSODomain
		ask(b, "POST", "", api.SSODomainClaim{Domain: "simulated.example"}).Want(t, 201)
		ask(b, "POST", "/simulated.example/prove", api.SSODomainProof{Simulate: true}).Want(t, 200).Decode(t, &claim)
		if claim.Proof != "simulated" {
			t.Errorf("%+v", claim)
		}
		e := httpapitest.New(t, production)
		prove := httpapitest.Request{Method: "POST", Path: own.path("/sso/domains"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner), Body: api.SSODomainClaim{Domain: "simulated.example"}}
		e.Do(t, prove).Want(t, 201)
		prove.Path, prove.Body = prove.Path+"/simulated.example/prove", api.SSODomainProof{Simulate: true}
		e.Do(t, prove).Want(t, 422)
	})
	for _, bad := range []string{"example", "-a.example", "a b.example", "a_b.example", "münchen.example", "1.2.3.4", "a..example", strings.Repeat("a", 64) + ".example", "<script>.example"} {
		t.Run("are refused: "+bad, func(t *testing.T) { ask(b, "POST", "", api.SSODomainClaim{Domain: bad}).Want(t, 422) })
	}
}

// production makes an API whose providers are out in the world.
func production(c *httpapi.Config) {
	c.SSO = sso.New(sso.Config{Store: c.Store, Secrets: c.Secrets, Logger: c.Logger, Real: c.Real})
}

// A provider's address leads nowhere but to a provider.
func TestSSOReachesNoPrivateNetwork(t *testing.T) {
	e := httpapitest.New(t, production)
	owner := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	put := func(issuer string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "PUT", Path: own.path("/sso"), Token: owner, Body: api.SSOPut{Enabled: true, Issuer: issuer, ClientID: "souk"}})
	}
	for _, issuer := range []string{"http://127.0.0.1", "http://localhost:5432", "http://login.example.com"} {
		put(issuer).Want(t, 422)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]", "0.0.0.0", "100.64.0.1", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"} {
		t.Run(host, func(t *testing.T) {
			put("https://"+host).Want(t, 200)
			var test api.SSOTest
			e.Do(t, httpapitest.Request{Method: "POST", Path: own.path("/sso/test"), Token: owner}).Want(t, 200).Decode(t, &test)
			if test.OK || !strings.Contains(test.Problem, "private network") {
				t.Errorf("%+v", test)
			}
		})
	}
}

// What a provider sends is bounded, and leads nowhere else.
func TestSSOHostileProvider(t *testing.T) {
	a := newAttack(t)
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		says  string
	}{
		"an endless answer": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(`{"a":"`))
			chunk := []byte(strings.Repeat("x", 1<<16))
			for range 1 << 10 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "larger"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, a.provider.URL, http.StatusFound) }, "another address"},
		"a page": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("<html>secret of the inside</html>"))
		}, "no JSON"},
		"an error": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, "error"},
		"addresses within": {func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "http://" + r.Host, "authorization_endpoint": "javascript:alert(1)", "token_endpoint": "http://10.0.0.1/", "jwks_uri": "file:///etc/passwd"})
		}, "https://"},
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeprovider.Serve(t, c.serve)
			a.Put(t, a.target, func(p *api.SSOPut) { p.Issuer = server }).Want(t, 200)
			var test api.SSOTest
			got := a.Do(t, httpapitest.Request{Method: "POST", Path: own.path("/sso/test"), Token: a.Owner}).Want(t, 200)
			if got.Decode(t, &test); test.OK || !strings.Contains(test.Problem, c.says) || strings.Contains(string(got.Body), "inside") {
				t.Errorf("%+v", test)
			}
		})
	}
}

func TestSSOStart(t *testing.T) {
	a := newAttack(t)
	flow := a.Begin(t, "ANN@ACME.example")
	u, err := url.Parse(flow.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{"response_type": "code", "client_id": fakeprovider.ClientID, "redirect_uri": a.URL + "/sso/callback", "code_challenge_method": "S256", "scope": "openid email profile groups", "login_hint": "ANN@ACME.example"} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
	if strings.Contains(flow.URL, flow.Secret) || q.Get("nonce") == "" || q.Get("state") == "" {
		t.Error(flow.URL)
	}
	for _, s := range []api.SSOStart{{}, {Email: "ann@nowhere.example"}, {Email: "ann"}, {Organization: "nowhere"}, {Organization: httpapitest.Other}} {
		a.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/sso/start", Body: s}).Want(t, 422)
	}
}

// run changes the record behind the API's back.
func run(t *testing.T, e *httpapitest.Env, statement string) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, statement)
		return err
	})
}
