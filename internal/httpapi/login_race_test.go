package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

// A log-in by a password that changes meanwhile leaves no session behind.
func TestPasswordChangedDuringLogin(t *testing.T) {
	e := httpapitest.New(t)
	change := func(t *testing.T, ann person) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "PUT", Path: "/api/v1/account/password", Token: ann.token, Body: api.PasswordChange{Current: httpapitest.Password, New: newPassword}})
	}

	t.Run("after it was checked", func(t *testing.T) {
		g := newGuarded(t, e)
		token := forgot(t, e, g.email)
		road := block(t, e, "totp") // past the password, before the session
		in := make(chan httpapitest.Response, 1)
		go func() { in <- g.login(t, httpapitest.Password, codeAt(e, g.key)) }()
		road.waiting(t, 1)
		reset(t, e, token, newPassword).Want(t, 204)
		road.lift(t)
		(<-in).Want(t, 401)
	})
	t.Run("while the session begins", func(t *testing.T) {
		ann := newPerson(t, e, api.RoleOwner)
		road := block(t, e, "sessions")
		in := make(chan httpapitest.Response, 1)
		go func() { in <- tryLogin(t, e, "", ann.email, httpapitest.Password) }()
		road.waiting(t, 1)
		changed := make(chan httpapitest.Response, 1)
		go func() { changed <- change(t, ann) }()
		road.waiting(t, 2) // for the log-in, which keeps the password
		road.lift(t)
		began := <-in
		(<-changed).Want(t, 204)
		if began.Status == 200 { // its answer was earlier than the change
			var session api.LoginResponse
			began.Decode(t, &session)
			whoami(t, e, session.Token).Want(t, 401)
		} else {
			began.Want(t, 401)
		}
		if n := count(t, e, "SELECT count(*) FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email = $1 AND s.revoked_at IS NULL", ann.email); n != 1 {
			t.Errorf("%d sessions go on", n)
		}
		whoami(t, e, ann.token).Want(t, 200)
	})
}

// A device's code is approved where people open the portal, whatever the host
// that the device sent.
func TestDevicePageIsAtThePublicAddress(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.PublicURL = "https://souk.example/" })
	if d := newDevice(t, e); d.VerificationURI != "https://souk.example/device" || d.VerificationURIComplete != "https://souk.example/device?code="+d.UserCode {
		t.Errorf("%+v", d.DeviceCodes)
	}
}
