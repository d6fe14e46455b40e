// Package conformance is what single sign-on has to do with any provider: it runs
// against the fake and against real ones.
package conformance

import (
	"net/http"
	"net/url"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// Person is somebody whom the provider knows.
type Person struct {
	Subject, Email string
	Verified       bool
	Groups         []string
}

// Target is a provider. Its client has the redirect URI of URL/sso/callback.
type Target struct {
	Issuer, ClientID, ClientSecret string
	// Know makes the provider sign this person in from now on.
	Know func(t testing.TB, who Person)
	// SignIn does what the person's browser does at the address that Souk sends it
	// to, and returns what it comes back with.
	SignIn func(t testing.TB, address string) url.Values
}

// Desk is an organization with single sign-on.
type Desk struct {
	*httpapitest.Env
	Organization, Owner string // the owner's token
	Domain              string
}

// Connect connects the organization to the provider, with groups for editors and
// administrators, and binds a domain.
func Connect(t testing.TB, e *httpapitest.Env, organization, domain string, target Target) Desk {
	t.Helper()
	d := Desk{e, organization, e.Token(t, organization, "", api.RoleOwner), domain}
	d.Put(t, target, nil).Want(t, 200)
	d.Bind(t, domain)
	return d
}

// Put connects the organization; change changes what is sent.
func (d Desk) Put(t testing.TB, target Target, change func(*api.SSOPut)) httpapitest.Response {
	t.Helper()
	put := api.SSOPut{
		Enabled: true, Issuer: target.Issuer, ClientID: target.ClientID, ClientSecret: &target.ClientSecret, PasswordsAllowed: true,
		Groups: []api.SSOGroup{{Group: "developers", Role: api.RoleEditor}, {Group: "platform", Role: api.RoleAdmin}},
	}
	if change != nil {
		change(&put)
	}
	return d.ask(t, "PUT", "", put)
}

func (d Desk) ask(t testing.TB, method, rest string, body any) httpapitest.Response {
	t.Helper()
	return d.Do(t, httpapitest.Request{Method: method, Path: "/api/v1/organizations/" + d.Organization + "/sso" + rest, Token: d.Owner, Body: body})
}

// Bind proves a domain by DNS.
func (d Desk) Bind(t testing.TB, domain string) {
	t.Helper()
	var claim api.SSODomain
	d.ask(t, "POST", "/domains", api.SSODomainClaim{Domain: domain}).Want(t, 201).Decode(t, &claim)
	d.DNS.Publish(claim.RecordName, claim.RecordValue)
	d.ask(t, "POST", "/domains/"+domain+"/prove", api.SSODomainProof{}).Want(t, 200)
}

// Begin begins a sign-in.
func (d Desk) Begin(t testing.TB, email string) (flow api.SSOFlow) {
	t.Helper()
	d.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/sso/start", Body: api.SSOStart{Email: email, ReturnTo: "/o/" + d.Organization}}).Want(t, 200).Decode(t, &flow)
	return flow
}

// Answer is what the browser sends Souk of a sign-in.
func Answer(flow api.SSOFlow, back url.Values) api.SSOFinish {
	return api.SSOFinish{Secret: flow.Secret, State: back.Get("state"), Code: back.Get("code"), Issuer: back.Get("iss"), Error: back.Get("error")}
}

// Finish ends a sign-in.
func (d Desk) Finish(t testing.TB, answer api.SSOFinish) httpapitest.Response {
	t.Helper()
	return d.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/sso/finish", Body: answer})
}

// SignIn signs the person in.
func (d Desk) SignIn(t testing.TB, target Target, who Person) httpapitest.Response {
	t.Helper()
	target.Know(t, who)
	flow := d.Begin(t, who.Email)
	return d.Finish(t, Answer(flow, target.SignIn(t, flow.URL)))
}

// Test holds single sign-on with the provider to what it has to do.
func Test(t *testing.T, e *httpapitest.Env, target Target) {
	const domain = "conformance.example"
	d := Connect(t, e, httpapitest.Own, domain, target)
	who := Person{Subject: "subject-ann", Email: "ann@" + domain, Verified: true, Groups: []string{"developers", "chess"}}
	role := func(t *testing.T, token string) (api.Whoami, api.Role) {
		t.Helper()
		var me api.Whoami
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: token}).Want(t, 200).Decode(t, &me)
		if len(me.Organizations) == 0 {
			return me, ""
		}
		return me, me.Organizations[0].Role
	}
	var login api.SSOLogin

	t.Run("the provider can be used", func(t *testing.T) {
		var test api.SSOTest
		if d.ask(t, "POST", "/test", nil).Want(t, 200).Decode(t, &test); !test.OK || !test.SignOut {
			t.Errorf("%+v", test)
		}
	})
	t.Run("a colleague gets in, with the role of the group", func(t *testing.T) {
		d.SignIn(t, target, who).Want(t, 200).Decode(t, &login)
		me, r := role(t, login.Token)
		if r != api.RoleEditor || me.Actor != who.Email || me.SSO != httpapitest.Own || me.Password || login.ReturnTo != "/o/"+httpapitest.Own {
			t.Errorf("%+v, return to %s", me, login.ReturnTo)
		}
	})
	t.Run("the role follows the groups", func(t *testing.T) {
		who.Groups = []string{"platform", "developers"}
		d.SignIn(t, target, who).Want(t, 200).Decode(t, &login)
		if _, r := role(t, login.Token); r != api.RoleAdmin {
			t.Errorf("the role is %q", r)
		}
	})
	t.Run("who is in no group any more is out", func(t *testing.T) {
		gone := who
		gone.Groups = []string{"chess"}
		if code := d.SignIn(t, target, gone).Want(t, 403).Problem(t).Code; code != "sso-no-role" {
			t.Error(code)
		}
		if _, r := role(t, login.Token); r != "" {
			t.Errorf("an older session still has the role %q", r)
		}
	})
	t.Run("an address that is not verified is nobody's", func(t *testing.T) {
		unverified := who
		unverified.Verified = false
		if code := d.SignIn(t, target, unverified).Want(t, 403).Problem(t).Code; code != "sso-email-unverified" {
			t.Error(code)
		}
	})
	t.Run("an answer is taken once", func(t *testing.T) {
		target.Know(t, who)
		flow := d.Begin(t, who.Email)
		answer := Answer(flow, target.SignIn(t, flow.URL))
		d.Finish(t, answer).Want(t, 200)
		if code := d.Finish(t, answer).Want(t, 400).Problem(t).Code; code != "sso-state" {
			t.Error(code)
		}
		// The code in another sign-in of the same browser.
		flow = d.Begin(t, who.Email)
		next := Answer(flow, target.SignIn(t, flow.URL))
		next.Code = answer.Code
		if got := d.Finish(t, next); got.Status < 400 {
			t.Errorf("a code was taken twice: %s", got.Body)
		}
	})
	t.Run("a wrong client secret is said", func(t *testing.T) {
		wrong := "not the secret"
		d.Put(t, target, func(p *api.SSOPut) { p.ClientSecret = &wrong }).Want(t, 200)
		if p := d.SignIn(t, target, who).Want(t, 409).Problem(t); p.Code != "sso-provider-down" {
			t.Errorf("%+v", p)
		}
		d.Put(t, target, nil).Want(t, 200)
	})
	t.Run("signing out ends it at the provider too", func(t *testing.T) {
		d.SignIn(t, target, who).Want(t, 200).Decode(t, &login)
		var out api.AccountSSO
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/account/sso", Token: login.Token}).Want(t, 200).Decode(t, &out)
		resp, err := http.Get(out.SignOutURL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusBadRequest {
			t.Error("the provider refuses it")
		}
		if u, err := url.Parse(out.SignOutURL); err != nil || u.Query().Get("client_id") != target.ClientID || out.Organization != httpapitest.Own {
			t.Errorf("%+v", out)
		}
	})
}
