package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

func TestPasskeys(t *testing.T) {
	e := httpapitest.New(t, named)
	list := func(t *testing.T, g guarded) []api.Passkey {
		t.Helper()
		var l api.List[api.Passkey]
		e.Do(t, httpapitest.Request{Method: "GET", Path: passkeysPath, Token: g.token}).Want(t, 200).Decode(t, &l)
		return l.Items
	}

	t.Run("finish a log-in in place of a code", func(t *testing.T) {
		g, k := newGuarded(t, e), newSecurityKey()
		added := k.add(t, e, g.token)
		if got := list(t, g); len(got) != 1 || got[0] != added || added.Name != "laptop" || added.Site != "souk.example" {
			t.Fatalf("%+v, added %+v", got, added)
		}
		for range 2 {
			var in api.LoginResponse
			e.Do(t, k.finishes(t, e, g.start(t).Ticket)).Want(t, 200).Decode(t, &in)
			whoami(t, e, in.Token).Want(t, 200)
		}
		if used := list(t, g)[0].LastUsedAt; used == nil || !used.Equal(e.Clock.Now()) {
			t.Errorf("last used at %v", used)
		}
		finish(t, e, g.start(t).Ticket, codeAt(e, g.key)).Want(t, 200) // a code still does
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND (action = 'passkey.add' OR details->>'secondFactor' = 'passkey')", g.email); n != 3 {
			t.Errorf("%d audit entries", n)
		}
	})
	t.Run("an answer is good once, and for its own question", func(t *testing.T) {
		g, k := newGuarded(t, e), newSecurityKey()
		k.add(t, e, g.token)
		first := k.finishes(t, e, g.start(t).Ticket)
		e.Do(t, first).Want(t, 200)
		if c := code(t, e.Do(t, first), 401); c != "login-expired" {
			t.Error(c)
		}
		ticket := g.start(t).Ticket
		overheard := first.Body.(api.LoginPasskey)
		overheard.Ticket = ticket
		if c := code(t, e.Do(t, post(first.Path, overheard)), 401); c != "second-factor-wrong" {
			t.Errorf("without a question: %s", c)
		}
		k.finishes(t, e, ticket) // asks
		if c := code(t, e.Do(t, post(first.Path, overheard)), 401); c != "second-factor-wrong" {
			t.Errorf("to another question: %s", c)
		}
	})
	t.Run("of somebody else, of another site, and copies", func(t *testing.T) {
		g, eve := newGuarded(t, e), newGuarded(t, e)
		k, hers := newSecurityKey(), newSecurityKey()
		k.add(t, e, g.token)
		hers.add(t, e, eve.token)
		refused := func(what string, q httpapitest.Request) {
			t.Helper()
			if c := code(t, e.Do(t, q), 401); c != "second-factor-wrong" {
				t.Errorf("%s: %s", what, c)
			}
			forgiven(t, e)
		}
		refused("somebody else's", hers.finishes(t, e, g.start(t).Ticket))
		phished := *k
		phished.site.Origin = "https://souk.example.evil.example"
		refused("at another site", phished.finishes(t, e, g.start(t).Ticket))
		phished.site = hers.site
		phished.site.ID = "evil.example"
		refused("for another site", phished.finishes(t, e, g.start(t).Ticket))

		copied := *k
		for range 3 {
			k.key.Counter++
		}
		ask := func(k *securityKey) httpapitest.Request { return k.finishes(t, e, g.start(t).Ticket) }
		e.Do(t, ask(k)).Want(t, 200)
		refused("a copy, whose counter is behind", ask(&copied))
	})
	t.Run("need the codes of an app, which take them along", func(t *testing.T) {
		p := newPerson(t, e, api.RoleViewer)
		if c := code(t, e.Do(t, httpapitest.Request{Method: "POST", Path: passkeysPath + "/begin", Token: p.token}), 409); c != "second-factor-off" {
			t.Error(c)
		}
		g, k := newGuarded(t, e), newSecurityKey()
		k.add(t, e, g.token)
		g.disable(t, httpapitest.Password, codeAt(e, g.key)).Want(t, 204)
		if got := list(t, g); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("need the password, one's own question, and a browser's answer", func(t *testing.T) {
		g, k := newGuarded(t, e), newSecurityKey()
		q := k.adds(t, e, g.token)
		in := q.Body.(api.PasskeyCreate)
		wrong := in
		wrong.Password = "guess"
		if f := e.Do(t, with(post(passkeysPath, wrong), g.token)).Want(t, 422).Problem(t).Errors; f[0].Location != "body.password" || f[0].Value != nil {
			t.Errorf("%+v", f)
		}
		e.Do(t, with(q, g.token)).Want(t, 201)
		if c := code(t, e.Do(t, with(q, g.token)), 409); c != "passkey-not-begun" {
			t.Errorf("again: %s", c)
		}
		other := newSecurityKey().adds(t, e, g.token)
		newSecurityKey().adds(t, e, g.token) // another question
		if f := e.Do(t, with(other, g.token)).Want(t, 422).Problem(t).Errors; f[0].Location != "body.credential" {
			t.Errorf("%+v", f)
		}
		for _, nonsense := range []string{`{}`, `[]`, `"x"`, `{"id": 1}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`} {
			forgiven(t, e)
			newSecurityKey().adds(t, e, g.token)
			in.Credential = []byte(nonsense)
			if got := e.Do(t, with(post(passkeysPath, in), g.token)); got.Status != 422 {
				t.Errorf("%s: status %d", nonsense, got.Status)
			}
		}
	})
	t.Run("are one's own to remove", func(t *testing.T) {
		g, eve, k := newGuarded(t, e), newGuarded(t, e), newSecurityKey()
		q := httpapitest.Request{Method: "DELETE", Path: passkeysPath + "/" + k.add(t, e, g.token).ID}
		e.Do(t, with(q, eve.token)).Want(t, 404)
		e.Do(t, with(q, g.token)).Want(t, 204)
		if c := code(t, e.Do(t, post("/api/v1/login/passkey", api.LoginTicket{Ticket: g.start(t).Ticket})), 409); c != "no-passkey" {
			t.Error(c)
		}
	})
}

// Browsers tie passkeys to a name, and know them over TLS only.
func TestPasskeysNeedAName(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://souk.example": true, "https://souk.example:8443/": true, "http://localhost:8080": true,
		"http://souk.example": false, "https://192.0.2.7": false, "https://[2001:db8::1]": false, "http://127.0.0.1:8080": false,
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			e := httpapitest.New(t, func(c *httpapi.Config) { c.PublicURL = address })
			email := freshEmail()
			e.Member(t, httpapitest.Own, email, api.RoleViewer)
			guard(t, e, email)
			got := e.Do(t, httpapitest.Request{Method: "POST", Path: passkeysPath + "/begin", Token: e.Session(t, email)})
			if ok {
				got.Want(t, 200)
			} else if c := code(t, got, 409); c != "no-passkeys-here" {
				t.Error(c)
			}
		})
	}
}
