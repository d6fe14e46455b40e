package httpapi_test

import (
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store/storetest"
)

func (p person) whoami(t *testing.T) httpapitest.Response {
	t.Helper()
	return p.e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: p.token})
}

// A copy of a session's token is worth nothing once the person has logged out.
func TestStolenSessionAfterLogout(t *testing.T) {
	e := httpapitest.New(t)
	ann := newPerson(t, e, api.RoleOwner)
	thief := ann
	thief.whoami(t).Want(t, 200)
	elsewhere := person{e, ann.id, ann.email, e.Login(t, ann.email)}
	d := newDevice(t, e)

	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: ann.token}).Want(t, 204)
	thief.whoami(t).Want(t, 401)
	thief.do(t, "GET", "/projects", nil).Want(t, 401)
	thief.do(t, "POST", "/tokens", api.TokenCreate{Name: "mine", Role: api.RoleOwner}).Want(t, 401)
	thief.decide(t, "/approve", d.UserCode).Want(t, 401) // gets no other session out of it
	e.Do(t, httpapitest.Request{Method: "POST", Path: totpPath, Token: thief.token}).Want(t, 401)
	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: thief.token}).Want(t, 401)

	ann.token = e.Login(t, ann.email) // and a later log-in does not revive it
	thief.whoami(t).Want(t, 401)
	ann.whoami(t).Want(t, 200)
	elsewhere.whoami(t).Want(t, 200) // other sessions go on
}

// A session that somebody planted beforehand does not become the person's: a
// log-in always makes one with a secret of its own, and takes none that is sent.
func TestSessionFixedBeforeLogin(t *testing.T) {
	e := httpapitest.New(t)
	eve, ann := newPerson(t, e, api.RoleViewer), newPerson(t, e, api.RoleOwner)
	login := httpapitest.Request{
		Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: ann.email, Password: httpapitest.Password},
		Header: map[string]string{"Cookie": "souk=" + eve.token + "; __Host-souk=" + eve.token},
	}
	seen := map[string]bool{eve.token: true, ann.token: true}
	check := func(t *testing.T, got httpapitest.Response) {
		t.Helper()
		var in api.LoginResponse
		got.Want(t, 200).Decode(t, &in)
		if seen[in.Token] {
			t.Error("a secret that there was before")
		}
		seen[in.Token] = true
		var who api.Whoami
		eve.whoami(t).Want(t, 200).Decode(t, &who)
		if who.Actor != eve.email {
			t.Errorf("the session that was planted has become %s's", who.Actor)
		}
	}
	for _, planted := range []string{eve.token, "souk_" + longText(43), ann.token, ""} {
		check(t, e.Do(t, with(login, planted)))
	}
	t.Run("nor by a device", func(t *testing.T) {
		d := newDevice(t, e)
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		check(t, e.Do(t, with(deviceRequest("/token", api.DeviceExchange{DeviceCode: d.DeviceCode}), eve.token)))
	})
}

// What is a secret, but not a token's or a session's, lets nobody in.
func TestSecretsOfOtherKindsAreNoTokens(t *testing.T) {
	e := httpapitest.New(t)
	g := newGuarded(t, e)
	waiting, approved := newDevice(t, e), newDevice(t, e)
	g.decide(t, "/approve", approved.UserCode).Want(t, 204)
	var enrolment api.ZoneEnrolment
	e.Do(t, httpapitest.Request{
		Method: "POST", Path: "/api/v1/operator/zones/" + httpapitest.Zone + "/enrol", Token: e.Token(t, httpapitest.Operator, "", api.RoleOwner),
	}).Want(t, 201).Decode(t, &enrolment)
	e.Ready(t, own.organization, own.project)
	var credentials api.Credentials
	e.Do(t, httpapitest.Request{Method: "POST", Path: own.inProject("/instances/ready/credentials"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner)}).Want(t, 200).Decode(t, &credentials)
	for kind, secret := range map[string]string{
		"a device's code": waiting.DeviceCode, "an approved device's code": approved.DeviceCode, "a user code": approved.UserCode,
		"half a log-in": g.start(t).Ticket, "an agent's enrolment": enrolment.Token, "an instance's password": credentials.Password,
		"a second factor's secret": g.key.Secret, "its code": codeAt(e, g.key), "a recovery code": g.recovery[0],
		"a password": httpapitest.Password, "an identifier": g.id.String(),
	} {
		if secret == "" {
			t.Errorf("%s: there is none", kind)
		}
		for _, as := range []string{secret, "souk_" + secret} {
			for _, q := range []httpapitest.Request{{Method: "GET", Path: "/api/v1/whoami"}, {Method: "GET", Path: totpPath}, {Method: "GET", Path: own.path("")}} {
				if got := e.Do(t, with(q, as)); got.Status != 401 {
					t.Errorf("%s as a token, at %s: status %d", kind, q.Path, got.Status)
				}
			}
		}
	}
	t.Run("nor is a token a device's code", func(t *testing.T) {
		for _, secret := range []string{g.token, e.Token(t, httpapitest.Own, "", api.RoleOwner), approved.UserCode} {
			if got := e.Do(t, deviceRequest("/token", api.DeviceExchange{DeviceCode: secret})).Want(t, 400).Problem(t).Code; got != "expired-token" {
				t.Errorf("told %s", got)
			}
		}
	})
}

// A member whose organization has gone, or who was removed from it, sees nothing
// there, whatever their session was good for.
func TestMembersOfAnOrganizationThatIsGone(t *testing.T) {
	e := httpapitest.New(t)
	ann, removed := newPerson(t, e, api.RoleOwner), newPerson(t, e, api.RoleAdmin)
	e.Ready(t, own.organization, own.project)
	paths := []string{"", "/projects", "/members", "/tokens", "/audit", "/quota", "/projects/" + own.project, "/projects/" + own.project + "/instances", "/projects/" + own.project + "/instances/ready"}
	for _, path := range paths {
		ann.do(t, "GET", path, nil).Want(t, 200)
		removed.do(t, "GET", path, nil).Want(t, 200)
	}
	sees := func(t *testing.T, p person, want int) {
		t.Helper()
		for _, path := range paths {
			if got := p.do(t, "GET", path, nil); got.Status != want {
				t.Errorf("%q: status %d, want %d", path, got.Status, want)
			}
		}
		p.do(t, "POST", "/tokens", api.TokenCreate{Name: "mine", Role: api.RoleViewer}).Want(t, want)
		p.do(t, "POST", "/projects/"+own.project+"/instances/ready/credentials", nil).Want(t, want)
		var who api.Whoami
		if p.whoami(t).Want(t, 200).Decode(t, &who); len(who.Organizations) != 0 {
			t.Errorf("is told of %+v", who.Organizations)
		}
		var list api.List[api.Organization]
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations", Token: p.token}).Want(t, 200).Decode(t, &list)
		if len(list.Items) != 0 {
			t.Errorf("is listed %+v", list.Items)
		}
	}
	t.Run("who was removed", func(t *testing.T) {
		ann.do(t, "DELETE", "/members/"+removed.id.String(), nil).Want(t, 204)
		sees(t, removed, 404)
		removed.token = e.Login(t, removed.email) // a new session is no better
		sees(t, removed, 404)
	})
	t.Run("whose organization is gone", func(t *testing.T) {
		token := e.NewToken(t, httpapitest.Own, "", api.RoleOwner, e.Clock.Now().Add(time.Hour), nil)
		super := storetest.Superuser(t, e.Config)
		// Souk has no way to do this: what refers to it, memberships too, stays behind.
		for _, sql := range []string{"SET session_replication_role = replica", "DELETE FROM organizations WHERE name = 'acme'"} {
			if _, err := super.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		sees(t, ann, 404)
		ann.token = e.Session(t, ann.email)
		sees(t, ann, 404)
		e.Do(t, httpapitest.Request{Method: "GET", Path: own.path(""), Token: token}).Want(t, 404)
	})
}
