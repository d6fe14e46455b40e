package httpapi_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// guess tries wrong passwords for a time from one address, as fast as it is let,
// and returns how many were looked at.
func guess(t *testing.T, e *httpapitest.Env, address, email string, during time.Duration) (looked int) {
	t.Helper()
	for end := e.Clock.Now().Add(during); ; {
		got := tryLogin(t, e, address, email, "guess")
		if got.Status == 401 {
			looked++
			continue
		}
		wait, err := strconv.Atoi(got.Want(t, 429).Header.Get("Retry-After"))
		if err != nil {
			t.Fatal(err)
		}
		if e.Clock.Now().Add(time.Duration(wait) * time.Second).After(end) {
			return looked
		}
		e.Clock.Advance(time.Duration(wait) * time.Second)
	}
}

// Who guesses is slowed down; whose account it is gets in.
func TestNobodyIsLockedOutByOthers(t *testing.T) {
	const guesser, home, office, away = "203.0.113.7", "198.51.100.1", "198.51.100.2", "192.0.2.1"
	e := httpapitest.New(t, proxied)
	ann := newPerson(t, e, api.RoleEditor)

	t.Run("by a guesser at another address, for hours", func(t *testing.T) {
		for hour := range 4 {
			if looked := guess(t, e, guesser, ann.email, time.Hour); looked > 18 {
				t.Errorf("in hour %d %d guesses were looked at", hour, looked)
			}
			// From where nobody has ever logged in.
			tryLogin(t, e, fmt.Sprintf("192.0.2.%d", hour+100), ann.email, httpapitest.Password).Want(t, 200)
		}
	})
	t.Run("by guessers everywhere", func(t *testing.T) {
		tryLogin(t, e, home, ann.email, httpapitest.Password).Want(t, 200)
		looked := 0
		for i := range 100 {
			if tryLogin(t, e, fmt.Sprintf("203.0.113.%d", i+20), ann.email, "guess").Status == 401 {
				looked++
			}
		}
		if looked > 60 {
			t.Errorf("%d guesses were looked at", looked)
		}
		tryLogin(t, e, away, ann.email, httpapitest.Password).Want(t, 429)
		tryLogin(t, e, home, ann.email, httpapitest.Password).Want(t, 200)

		// Away from home, whoever is still logged in somewhere logs the device in.
		d := newDevice(t, e)
		ann.token = e.Session(t, ann.email)
		ann.decide(t, "/approve", d.UserCode).Want(t, 204)
		d.ask(t).Want(t, 200)

		bob := newPerson(t, e, api.RoleViewer)
		tryLogin(t, e, away, bob.email, httpapitest.Password).Want(t, 200)
		for range 10 { // the guessers go on all the time, once a minute at the most
			e.Clock.Advance(time.Minute)
			tryLogin(t, e, "203.0.113.200", ann.email, "guess")
			tryLogin(t, e, home, ann.email, httpapitest.Password).Want(t, 200)
		}
	})
	t.Run("by a guesser in the same office", func(t *testing.T) {
		cleo, bob := newPerson(t, e, api.RoleViewer), newPerson(t, e, api.RoleViewer)
		tryLogin(t, e, office, cleo.email, httpapitest.Password).Want(t, 200)
		for range 21 {
			tryLogin(t, e, office, freshEmail(), "guess")
		}
		tryLogin(t, e, office, bob.email, httpapitest.Password).Want(t, 429) // never was there
		tryLogin(t, e, office, cleo.email, httpapitest.Password).Want(t, 200)
	})
	t.Run("an address is known for a while only", func(t *testing.T) {
		dan := newPerson(t, e, api.RoleViewer)
		tryLogin(t, e, home, dan.email, httpapitest.Password).Want(t, 200)
		e.Clock.Advance(90 * 24 * time.Hour)
		for i := range 61 {
			tryLogin(t, e, fmt.Sprintf("203.0.113.%d", i+20), dan.email, "guess")
		}
		tryLogin(t, e, home, dan.email, httpapitest.Password).Want(t, 429)
	})
	t.Run("and a guesser at a known address is slowed down all the same", func(t *testing.T) {
		eli := newPerson(t, e, api.RoleViewer)
		tryLogin(t, e, "192.0.2.9", eli.email, httpapitest.Password).Want(t, 200)
		if looked := guess(t, e, "192.0.2.9", eli.email, time.Hour); looked > 18 {
			t.Errorf("%d guesses were looked at", looked)
		}
	})
}
