package httpapi_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// device is a program that wants to be logged in.
type device struct {
	e *httpapitest.Env
	api.DeviceCodes
}

func newDevice(t *testing.T, e *httpapitest.Env) device {
	t.Helper()
	return device{e, beginDevice(t, e)}
}

func (d device) ask(t *testing.T) httpapitest.Response {
	t.Helper()
	return d.e.Do(t, deviceRequest("/token", api.DeviceExchange{DeviceCode: d.DeviceCode}))
}

// told asks for the session and returns why there is none.
func (d device) told(t *testing.T) string {
	t.Helper()
	return d.ask(t).Want(t, 400).Problem(t).Code
}

func (p person) decide(t *testing.T, rest, userCode string) httpapitest.Response {
	t.Helper()
	return p.e.Do(t, with(deviceRequest(rest, api.DeviceDecision{UserCode: userCode}), p.token))
}

func TestDevice(t *testing.T) {
	e := httpapitest.New(t, proxied)
	ann := newPerson(t, e, api.RoleEditor)

	t.Run("is logged in by a person", func(t *testing.T) {
		d := newDevice(t, e)
		if !regexp.MustCompile(`^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$`).MatchString(d.UserCode) {
			t.Errorf("user code %q", d.UserCode)
		}
		if d.VerificationURI != e.URL+"/device" || d.VerificationURIComplete != e.URL+"/device?code="+d.UserCode || d.ExpiresIn != 600 || d.Interval != 5 {
			t.Errorf("%+v", d.DeviceCodes)
		}
		if got := d.told(t); got != "authorization-pending" {
			t.Errorf("before: %s", got)
		}
		var waiting api.DeviceRequest
		ann.decide(t, "/lookup", strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " "))).Want(t, 200).Decode(t, &waiting)
		if want := (api.DeviceRequest{Client: "souk CLI on laptop", Address: waiting.Address, AskedAt: e.Clock.Now(), ExpiresAt: e.Clock.Now().Add(10 * time.Minute), SameAddress: true}); waiting != want || waiting.Address == "" {
			t.Errorf("%+v, want %+v", waiting, want)
		}
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		e.Clock.Advance(5 * time.Second)
		var in api.LoginResponse
		d.ask(t).Want(t, 200).Decode(t, &in)
		if in.Email != ann.email || !in.ExpiresAt.Equal(e.Clock.Now().Add(12*time.Hour)) || in.Organizations[0].Role != api.RoleEditor || in.Token == ann.token {
			t.Errorf("%+v", in)
		}
		var who api.Whoami
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: in.Token}).Want(t, 200).Decode(t, &who)
		if who.Kind != "session" || who.Actor != ann.email {
			t.Errorf("%+v", who)
		}
		// A log-out here does not reach there.
		e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: ann.token}).Want(t, 204)
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: in.Token}).Want(t, 200)
		ann.token = e.Session(t, ann.email)
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action IN ('device.approve', 'session.create') AND (object_name = 'souk CLI on laptop' OR details->>'device' = 'souk CLI on laptop')", ann.email); n != 2 {
			t.Errorf("%d audit entries name the device, want the approval and the session", n)
		}
	})
	t.Run("gets one session, however often it asks", func(t *testing.T) {
		d := newDevice(t, e)
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		road := block(t, e, "sessions")
		var wg sync.WaitGroup
		var sessions atomic.Int32
		for range 4 {
			wg.Go(func() {
				if d.ask(t).Status == 200 {
					sessions.Add(1)
				}
			})
		}
		road.waiting(t, 4) // one for the table, the others for that one
		road.lift(t)
		wg.Wait()
		if sessions.Load() != 1 {
			t.Errorf("%d sessions", sessions.Load())
		}
		if got := d.told(t); got != "expired-token" {
			t.Errorf("afterwards: %s", got)
		}
	})
	t.Run("is denied", func(t *testing.T) {
		d := newDevice(t, e)
		ann.decide(t, "/deny", d.UserCode).Want(t, 204)
		if got := d.told(t); got != "access-denied" {
			t.Errorf("told %s", got)
		}
		ann.decide(t, "/approve", d.UserCode).Want(t, 404) // and that stays
	})
	t.Run("is approved once", func(t *testing.T) {
		d, bob := newDevice(t, e), newPerson(t, e, api.RoleOwner)
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		bob.decide(t, "/approve", d.UserCode).Want(t, 404)
		bob.decide(t, "/deny", d.UserCode).Want(t, 404)
		bob.decide(t, "/lookup", d.UserCode).Want(t, 404)
		var in api.LoginResponse
		if d.ask(t).Want(t, 200).Decode(t, &in); in.Email != ann.email {
			t.Errorf("logged in as %s", in.Email)
		}
	})
	t.Run("has ten minutes", func(t *testing.T) {
		d, late := newDevice(t, e), newDevice(t, e)
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		e.Clock.Advance(10 * time.Minute)
		if got := d.told(t); got != "expired-token" {
			t.Errorf("told %s", got)
		}
		ann.decide(t, "/lookup", late.UserCode).Want(t, 404)
		ann.decide(t, "/approve", late.UserCode).Want(t, 404)
	})
	t.Run("that asks too often is slowed down", func(t *testing.T) {
		d := newDevice(t, e)
		for _, step := range []struct {
			after time.Duration
			want  string
			wait  string
		}{
			{0, "authorization-pending", "5"}, {5 * time.Second, "authorization-pending", "5"}, {4 * time.Second, "slow-down", "10"},
			{5 * time.Second, "slow-down", "15"}, {15 * time.Second, "authorization-pending", "15"},
		} {
			e.Clock.Advance(step.after)
			got := d.ask(t).Want(t, 400)
			if code, wait := got.Problem(t).Code, got.Header.Get("Retry-After"); code != step.want || wait != step.wait {
				t.Errorf("after %s: %s, wait %s; want %s, %s", step.after, code, wait, step.want, step.wait)
			}
		}
	})
	t.Run("an approval ends with the session that gave it", func(t *testing.T) {
		d, bob := newDevice(t, e), newPerson(t, e, api.RoleOwner)
		bob.decide(t, "/approve", d.UserCode).Want(t, 204)
		e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: bob.token}).Want(t, 204)
		if got := d.told(t); got != "access-denied" {
			t.Errorf("told %s", got)
		}
	})
	t.Run("a disabled account logs nothing in", func(t *testing.T) {
		d, bob := newDevice(t, e), newPerson(t, e, api.RoleOwner)
		bob.decide(t, "/approve", d.UserCode).Want(t, 204)
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE accounts SET disabled_at = $1 WHERE email = $2", e.Clock.Now(), bob.email)
			return err
		})
		if got := d.told(t); got != "access-denied" {
			t.Errorf("told %s", got)
		}
	})
	t.Run("codes are not kept", func(t *testing.T) {
		d := newDevice(t, e)
		n := count(t, e, "SELECT count(*) FROM device_logins d WHERE d::text LIKE '%' || $1 || '%' OR d::text LIKE '%' || $2 || '%'", d.DeviceCode, d.UserCode)
		if n != 0 {
			t.Error("the record holds a code")
		}
	})
	t.Run("a code that is none", func(t *testing.T) {
		if got := e.Do(t, deviceRequest("/token", api.DeviceExchange{DeviceCode: "soukdevice_guess"})).Want(t, 400).Problem(t).Code; got != "expired-token" {
			t.Errorf("told %s", got)
		}
	})
	t.Run("a client that writes on the person's terminal", func(t *testing.T) {
		p := e.Do(t, deviceRequest("", api.DeviceStart{Client: "a\x1b[31mb"})).Want(t, 422)
		if p.Problem(t).Errors[0].Location != "body.client" || bytes.Contains(p.Body, []byte("[31m")) {
			t.Errorf("%s", p.Body)
		}
	})
}

// A person who tries codes until one is somebody's is slowed down; others are not.
func TestUserCodeGuesser(t *testing.T) {
	e := httpapitest.New(t)
	eve, ann := newPerson(t, e, api.RoleOwner), newPerson(t, e, api.RoleViewer)
	d := newDevice(t, e)
	for i := range 5 {
		eve.decide(t, []string{"/lookup", "/approve", "/deny"}[i%3], "BBBB-BBBB").Want(t, 404)
	}
	for _, rest := range []string{"/lookup", "/approve", "/deny"} {
		if got := eve.decide(t, rest, d.UserCode).Want(t, 429); got.Header.Get("Retry-After") == "" {
			t.Error("it does not say how long to wait")
		}
	}
	ann.decide(t, "/lookup", d.UserCode).Want(t, 200)

	t.Run("from all sessions together", func(t *testing.T) {
		eve.token = e.Session(t, eve.email)
		eve.decide(t, "/lookup", d.UserCode).Want(t, 429)
	})
	t.Run("more and more", func(t *testing.T) {
		e.Clock.Advance(time.Second)
		eve.decide(t, "/lookup", "BBBB-BBBB").Want(t, 404)
		e.Clock.Advance(time.Second)
		eve.decide(t, "/lookup", d.UserCode).Want(t, 429)
		e.Clock.Advance(time.Second)
		eve.decide(t, "/lookup", d.UserCode).Want(t, 200)
	})
	t.Run("what was right is not counted", func(t *testing.T) {
		for range 20 {
			ann.decide(t, "/lookup", d.UserCode).Want(t, 200)
		}
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
	})
	t.Run("many at once are counted", func(t *testing.T) {
		bob := newPerson(t, e, api.RoleViewer)
		road := block(t, e, "guesses")
		var wg sync.WaitGroup
		var checked atomic.Int32
		for range 8 {
			wg.Go(func() {
				if bob.decide(t, "/lookup", "BBBB-BBBB").Status == 404 {
					checked.Add(1)
				}
			})
		}
		road.waiting(t, 8)
		road.lift(t)
		wg.Wait()
		if checked.Load() > 6 {
			t.Errorf("%d guesses were checked", checked.Load())
		}
	})
}
