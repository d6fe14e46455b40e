package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/sso/conformance"
	"souk/internal/sso/fakeprovider"
)

var ssoRows = map[string]row{
	"sso-get": {may: "owner", request: in("GET", "/sso")},
	"sso-put": {may: "owner", request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "PUT", Path: at.path("/sso"), Body: ssoPut(newProvider(t, e))}
	}},
	"sso-delete": {may: "owner", request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		connected(t, e, at)
		return httpapitest.Request{Method: "DELETE", Path: at.path("/sso")}
	}},
	"sso-test": {may: "owner", silent: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		connected(t, e, at)
		return httpapitest.Request{Method: "POST", Path: at.path("/sso/test")}
	}},
	"sso-domains-claim": {may: "owner", request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		clearDomains(t, e, at)
		return httpapitest.Request{Method: "POST", Path: at.path("/sso/domains"), Body: api.SSODomainClaim{Domain: freshName() + ".example"}}
	}},
	"sso-domains-prove": {may: "owner", request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		d := claimed(t, e, at)
		e.DNS.Publish(d.RecordName, d.RecordValue)
		return httpapitest.Request{Method: "POST", Path: at.path("/sso/domains/" + d.Domain + "/prove"), Body: api.SSODomainProof{}}
	}},
	"sso-domains-remove": {may: "owner", request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: at.path("/sso/domains/" + claimed(t, e, at).Domain)}
	}},
	"sso-start": {everyone: true, silent: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		connected(t, e, at)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/sso/start", Body: api.SSOStart{Organization: at.organization}}
	}},
	"sso-finish": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		clearDomains(t, e, at)
		p, domain := newProvider(t, e), freshName()+".example"
		d := conformance.Connect(t, e, at.organization, domain, targetOf(p))
		p.Person(fakeprovider.Claims{"sub": "ann", "email": "ann@" + domain, "email_verified": true, "groups": []string{"platform"}})
		flow := d.Begin(t, "ann@"+domain)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/sso/finish", Body: conformance.Answer(flow, p.SignIn(t, flow.URL))}
	}},
	"account-sso": {self: func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: "/api/v1/account/sso"}
	}},
}

func newProvider(t *testing.T, e *httpapitest.Env) *fakeprovider.Provider {
	t.Helper()
	return fakeprovider.Start(t, e.Clock.Now)
}

// targetOf is the fake as the conformance suite sees it.
func targetOf(p *fakeprovider.Provider) conformance.Target {
	return conformance.Target{
		Issuer: p.URL, ClientID: fakeprovider.ClientID, ClientSecret: fakeprovider.ClientSecret, SignIn: p.SignIn,
		Know: func(_ testing.TB, who conformance.Person) {
			p.Person(fakeprovider.Claims{"sub": who.Subject, "email": who.Email, "email_verified": who.Verified, "groups": who.Groups})
		},
	}
}

func ssoPut(p *fakeprovider.Provider) api.SSOPut {
	secret := fakeprovider.ClientSecret
	return api.SSOPut{Enabled: true, Issuer: p.URL, ClientID: fakeprovider.ClientID, ClientSecret: &secret, PasswordsAllowed: true, Groups: []api.SSOGroup{{Group: "platform", Role: api.RoleAdmin}}}
}

// connected connects the place's organization.
func connected(t *testing.T, e *httpapitest.Env, at place) *fakeprovider.Provider {
	t.Helper()
	p := newProvider(t, e)
	e.Do(t, httpapitest.Request{Method: "PUT", Path: at.path("/sso"), Token: e.Token(t, at.organization, "", api.RoleOwner), Body: ssoPut(p)}).Want(t, 200)
	return p
}

func claimed(t *testing.T, e *httpapitest.Env, at place) (d api.SSODomain) {
	t.Helper()
	clearDomains(t, e, at)
	e.Do(t, httpapitest.Request{Method: "POST", Path: at.path("/sso/domains"), Token: e.Token(t, at.organization, "", api.RoleOwner), Body: api.SSODomainClaim{Domain: freshName() + ".example"}}).
		Want(t, 201).Decode(t, &d)
	return d
}

// clearDomains keeps an organization from having as many as it may.
func clearDomains(t *testing.T, e *httpapitest.Env, at place) {
	t.Helper()
	owner := e.Token(t, at.organization, "", api.RoleOwner)
	var out api.SSO
	e.Do(t, httpapitest.Request{Method: "GET", Path: at.path("/sso"), Token: owner}).Want(t, 200).Decode(t, &out)
	for _, d := range out.Domains {
		e.Do(t, httpapitest.Request{Method: "DELETE", Path: at.path("/sso/domains/" + d.Domain), Token: owner}).Want(t, 204)
	}
}
