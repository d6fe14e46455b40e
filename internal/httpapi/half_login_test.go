package httpapi_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// start takes the first step of a log-in.
func (p person) start(t *testing.T) (out api.LoginStarted) {
	t.Helper()
	p.e.Do(t, post("/api/v1/login/start", api.LoginStart{Email: p.email, Password: httpapitest.Password})).Want(t, 200).Decode(t, &out)
	return out
}

func finish(t *testing.T, e *httpapitest.Env, ticket, code string) httpapitest.Response {
	t.Helper()
	return e.Do(t, post("/api/v1/login/finish", api.LoginFinish{Ticket: ticket, Code: code}))
}

func TestHalfLogin(t *testing.T) {
	e := httpapitest.New(t)

	t.Run("is a whole one without a second factor", func(t *testing.T) {
		p := newPerson(t, e, api.RoleViewer)
		s := p.start(t)
		if s.Ticket != "" || s.Session == nil || s.Session.Email != p.email {
			t.Fatalf("%+v", s)
		}
		whoami(t, e, s.Session.Token).Want(t, 200)
	})
	t.Run("is told nothing with a wrong password", func(t *testing.T) {
		g := newGuarded(t, e)
		got := e.Do(t, post("/api/v1/login/start", api.LoginStart{Email: g.email, Password: "guess"}))
		if c := code(t, got, 401); c != "login-failed" {
			t.Error(c)
		}
	})
	t.Run("is finished by a code", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		if s.Session != nil || s.Ticket == "" || !s.TicketExpiresAt.Equal(e.Clock.Now().Add(10*time.Minute)) {
			t.Fatalf("%+v", s)
		}
		if c := code(t, finish(t, e, s.Ticket, "000000"), 401); c != "second-factor-wrong" {
			t.Error(c)
		}
		var in api.LoginResponse
		finish(t, e, s.Ticket, codeAt(e, g.key)).Want(t, 200).Decode(t, &in)
		whoami(t, e, in.Token).Want(t, 200)
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE actor = $1 AND action = 'session.create' AND details->>'secondFactor' = 'totp'", g.email); n != 1 {
			t.Errorf("%d audit entries", n)
		}
	})
	t.Run("its ticket is good once", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		var wg sync.WaitGroup
		var in atomic.Int32
		for i := range 4 {
			wg.Go(func() {
				if finish(t, e, s.Ticket, g.recovery[i]).Status == 200 {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if in.Load() != 1 {
			t.Errorf("%d got in", in.Load())
		}
		if c := code(t, finish(t, e, s.Ticket, g.recovery[5]), 401); c != "login-expired" {
			t.Error(c)
		}
		if left := g.status(t).RecoveryCodesLeft; left != 9 {
			t.Errorf("%d recovery codes are left", left)
		}
	})
	t.Run("waits ten minutes", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		e.Clock.Advance(10 * time.Minute)
		if c := code(t, finish(t, e, s.Ticket, codeAt(e, g.key)), 401); c != "login-expired" {
			t.Error(c)
		}
	})
	t.Run("ends with the password", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		reset(t, e, forgot(t, e, g.email), newPassword).Want(t, 204)
		if c := code(t, finish(t, e, s.Ticket, codeAt(e, g.key)), 401); c != "login-expired" {
			t.Error(c)
		}
	})
	t.Run("a ticket is not kept, and made up ones are none", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		if n := count(t, e, "SELECT count(*) FROM half_logins h WHERE h::text LIKE '%' || $1 || '%'", s.Ticket); n != 0 {
			t.Error("the record shows it")
		}
		for _, ticket := range []string{"", "souklogin_x", g.token} {
			if c := code(t, finish(t, e, ticket, g.recovery[0]), 401); c != "login-expired" {
				t.Error(c)
			}
		}
	})
	t.Run("a wrong code counts as a wrong password", func(t *testing.T) {
		g := newGuarded(t, e)
		s := g.start(t)
		slowed := false
		for range 6 {
			slowed = slowed || finish(t, e, s.Ticket, "000000").Status == 429
		}
		if !slowed {
			t.Error("nobody slows the guesser down")
		}
		finish(t, e, s.Ticket, codeAt(e, g.key)).Want(t, 429)
	})
}
