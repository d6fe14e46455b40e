package httpapi_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/descope/virtualwebauthn"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

const passkeysPath = "/api/v1/account/passkeys"

// named is a server that people open by a name, as passkeys need.
func named(c *httpapi.Config) { c.PublicURL = "https://souk.example" }

var passkeyRows = map[string]row{
	"passkeys-list": {self: alike("GET", passkeysPath, nil)},
	"passkeys-begin": {silent: true, self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		guard(t, e, email)
		return post(passkeysPath+"/begin", nil)
	}},
	"passkeys-add": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		guard(t, e, email)
		return newSecurityKey().adds(t, e, e.Session(t, email))
	}},
	"passkeys-remove": {self: func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request {
		guard(t, e, email)
		session := e.Session(t, email)
		return httpapitest.Request{Method: "DELETE", Path: passkeysPath + "/" + newSecurityKey().add(t, e, session).ID}
	}},
	"login-passkey": {everyone: true, silent: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		forgiven(t, e)
		g := newGuarded(t, e)
		newSecurityKey().add(t, e, g.token)
		return post("/api/v1/login/passkey", api.LoginTicket{Ticket: g.start(t).Ticket})
	}},
	"login-passkey-finish": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		forgiven(t, e)
		g, k := newGuarded(t, e), newSecurityKey()
		k.add(t, e, g.token)
		return k.finishes(t, e, g.start(t).Ticket)
	}},
}

// forgiven takes back what was guessed wrong: half a log-in counts as failed until
// it is finished.
func forgiven(t *testing.T, e *httpapitest.Env) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "WITH g AS (DELETE FROM guesses) DELETE FROM login_failures")
		return err
	})
}

// guard sees to it that the person has the codes of an app in force.
func guard(t *testing.T, e *httpapitest.Env, email string) {
	t.Helper()
	forgetTOTP(t, e, email)
	session := e.Session(t, email)
	e.Do(t, with(confirms(e, beginTOTP(t, e, session)), session)).Want(t, 200)
}

// securityKey is a person's authenticator, and the browser that it is plugged in.
type securityKey struct {
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

func newSecurityKey() *securityKey {
	return &securityKey{
		virtualwebauthn.RelyingParty{ID: "souk.example", Name: "Souk", Origin: "https://souk.example"},
		virtualwebauthn.NewAuthenticator(), newCredential(),
	}
}

// newCredential passes over keys with a coordinate that begins with a zero: the
// library leaves it out.
func newCredential() virtualwebauthn.Credential {
	const whole = 77 // bytes of a key with two coordinates of 32
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

// adds is the request by which the key becomes a passkey.
func (k *securityKey) adds(t *testing.T, e *httpapitest.Env, session string) httpapitest.Request {
	t.Helper()
	asked := e.Do(t, httpapitest.Request{Method: "POST", Path: passkeysPath + "/begin", Token: session}).Want(t, 200)
	options, err := virtualwebauthn.ParseAttestationOptions(string(asked.Body))
	if err != nil {
		t.Fatal(err)
	}
	k.auth.Options.UserHandle = []byte(options.UserID)
	answer := virtualwebauthn.CreateAttestationResponse(k.site, k.auth, k.key, *options)
	return httpapitest.Request{Method: "POST", Path: passkeysPath, Body: api.PasskeyCreate{Name: "laptop", Password: httpapitest.Password, Credential: json.RawMessage(answer)}}
}

func (k *securityKey) add(t *testing.T, e *httpapitest.Env, session string) (out api.Passkey) {
	t.Helper()
	e.Do(t, with(k.adds(t, e, session), session)).Want(t, 201).Decode(t, &out)
	k.auth.AddCredential(k.key)
	return out
}

// finishes is the request by which the key finishes half a log-in.
func (k *securityKey) finishes(t *testing.T, e *httpapitest.Env, ticket string) httpapitest.Request {
	t.Helper()
	asked := e.Do(t, post("/api/v1/login/passkey", api.LoginTicket{Ticket: ticket})).Want(t, 200)
	options, err := virtualwebauthn.ParseAssertionOptions(string(asked.Body))
	if err != nil {
		t.Fatal(err)
	}
	k.key.Counter++
	answer := virtualwebauthn.CreateAssertionResponse(k.site, k.auth, k.key, *options)
	return post("/api/v1/login/passkey/finish", api.LoginPasskey{Ticket: ticket, Credential: json.RawMessage(answer)})
}
