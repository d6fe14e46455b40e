package httpapi_test

import (
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/ratelimit"
)

// proxied lets tests say which address they come from.
func proxied(c *httpapi.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func tryLogin(t *testing.T, e *httpapitest.Env, address, email, password string) httpapitest.Response {
	t.Helper()
	return e.Do(t, httpapitest.Request{
		Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: email, Password: password}, Header: map[string]string{"X-Forwarded-For": address},
	})
}

func TestLogin(t *testing.T) {
	e := httpapitest.New(t)
	e.Member(t, httpapitest.Own, "ann@example.org", api.RoleEditor)
	var in api.LoginResponse
	tryLogin(t, e, "", "Ann@Example.ORG", httpapitest.Password).Want(t, 200).Decode(t, &in)
	if want := e.Clock.Now().Add(12 * time.Hour); !in.ExpiresAt.Equal(want) {
		t.Errorf("the session ends at %s, want %s", in.ExpiresAt, want)
	}
	if len(in.Organizations) != 1 || in.Organizations[0].Role != api.RoleEditor {
		t.Errorf("organizations %+v", in.Organizations)
	}
	whoami := httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: in.Token}
	e.Do(t, whoami).Want(t, 200)
	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: in.Token}).Want(t, 204)
	e.Do(t, whoami).Want(t, 401)

	whoami.Token = e.Login(t, "ann@example.org")
	e.Clock.Advance(12 * time.Hour)
	e.Do(t, whoami).Want(t, 401)
	if n := count(t, e, "SELECT count(*) FROM audit_events WHERE kind = 'session' AND actor = 'ann@example.org'"); n != 3 {
		t.Errorf("%d audit entries, want two log-ins and a log-out", n)
	}
}

func TestLoginGuesser(t *testing.T) {
	const guesser, home, ann = "203.0.113.7", "198.51.100.1", "ann@example.org"
	e := httpapitest.New(t, proxied)
	e.Member(t, httpapitest.Own, ann, api.RoleEditor)

	wrong := tryLogin(t, e, guesser, ann, "guess").Want(t, 401).Problem(t)
	unknown := tryLogin(t, e, guesser, "nobody@example.org", "guess").Want(t, 401).Problem(t)
	if wrong.Detail != unknown.Detail || wrong.Code != unknown.Code {
		t.Errorf("a guesser can tell who has an account: %q, %q", wrong.Detail, unknown.Detail)
	}
	for range 3 {
		tryLogin(t, e, guesser, ann, "guess").Want(t, 401)
	}
	wait := func(t *testing.T) time.Duration {
		t.Helper()
		got := tryLogin(t, e, guesser, ann, httpapitest.Password).Want(t, 429)
		seconds, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if err != nil || seconds < 1 {
			t.Fatalf("Retry-After %q", got.Header.Get("Retry-After"))
		}
		return time.Duration(seconds) * time.Second
	}
	last := time.Duration(0)
	for range 4 {
		now := wait(t)
		if now <= last {
			t.Errorf("waits %s after %s", now, last)
		}
		last = now
		e.Clock.Advance(now)
		tryLogin(t, e, guesser, ann, "guess").Want(t, 401)
	}
	wait(t) // even with the right password
	tryLogin(t, e, home, ann, httpapitest.Password).Want(t, 200)

	t.Run("many at once are counted", func(t *testing.T) {
		const guesses = 8 // as many as the pool has connections
		road := block(t, e, "login_failures")
		var wg sync.WaitGroup
		var checked atomic.Int32
		for range guesses {
			wg.Go(func() {
				if tryLogin(t, e, "203.0.113.8", ann, "guess").Status == 401 {
					checked.Add(1)
				}
			})
		}
		road.waiting(t, guesses)
		road.lift(t)
		wg.Wait()
		if checked.Load() > 5 {
			t.Errorf("%d guesses were checked", checked.Load())
		}
	})
	t.Run("many accounts from one address", func(t *testing.T) {
		for range 21 {
			tryLogin(t, e, "203.0.113.9", freshEmail(), "guess")
		}
		tryLogin(t, e, "203.0.113.9", freshEmail(), "guess").Want(t, 429)
	})
	t.Run("one customer's IPv6 addresses are one", func(t *testing.T) {
		for i := range 5 {
			tryLogin(t, e, "2001:db8::"+strconv.Itoa(i+1), ann, "guess")
		}
		tryLogin(t, e, "2001:db8::ffff", ann, "guess").Want(t, 429)
		tryLogin(t, e, "2001:db8:0:1::1", ann, httpapitest.Password).Want(t, 200)
	})
	t.Run("in time all is forgotten", func(t *testing.T) {
		e.Clock.Advance(time.Hour + time.Second)
		tryLogin(t, e, guesser, ann, httpapitest.Password).Want(t, 200)
	})
}

func TestRateLimits(t *testing.T) {
	slow := ratelimit.Rate{PerSecond: 0.001, Burst: 3}
	e := httpapitest.New(t, proxied, func(c *httpapi.Config) { c.PerToken, c.PerAddress = slow, slow })
	get := func(path, token, address string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "GET", Path: path, Token: token, Header: map[string]string{"X-Forwarded-For": address}})
	}
	busy, quiet := e.Token(t, httpapitest.Own, "", api.RoleViewer), e.Token(t, httpapitest.Own, "", api.RoleEditor)
	for range 3 {
		get("/api/v1/whoami", busy, "203.0.113.1").Want(t, 200)
	}
	if got := get("/api/v1/whoami", busy, "203.0.113.2").Want(t, 429); got.Header.Get("Retry-After") == "" {
		t.Error("it does not say how long to wait")
	}
	get("/api/v1/whoami", quiet, "203.0.113.1").Want(t, 200)

	for range 3 {
		get("/api/v1/whoami", "souk_guess", "203.0.113.3").Want(t, 401)
	}
	get("/api/v1/whoami", "souk_guess", "203.0.113.3").Want(t, 429)
	get("/api/v1/version", "", "203.0.113.3").Want(t, 429)
	get("/api/v1/whoami", quiet, "203.0.113.3").Want(t, 200)  // a good token is not held up by others
	get("/api/v1/version", quiet, "203.0.113.3").Want(t, 200) // nor is its reading what anybody may
	get("/api/v1/version", "souk_guess", "203.0.113.3").Want(t, 429)
	get("/api/v1/version", "", "203.0.113.4").Want(t, 200)
}
