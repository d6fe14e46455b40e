package httpapi_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/idempotency"
	"souk/internal/store"
)

func projectOrder(e *httpapitest.Env, t *testing.T, name, key string) httpapitest.Request {
	return httpapitest.Request{
		Method: "POST", Path: own.path("/projects"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner),
		Body: api.ProjectCreate{Name: name}, Key: key,
	}
}

func count(t *testing.T, e *httpapitest.Env, query string, args ...any) (n int) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&n) })
	return n
}

func TestIdempotencyKey(t *testing.T) {
	e := httpapitest.New(t)
	var first, again api.Project
	e.Do(t, projectOrder(e, t, "one", "k1")).Want(t, 201).Decode(t, &first)

	t.Run("the same request is carried out once", func(t *testing.T) {
		e.Do(t, projectOrder(e, t, "one", "k1")).Want(t, 201).Decode(t, &again)
		if again.Metadata.ID != first.Metadata.ID {
			t.Errorf("the repeat made %s beside %s", again.Metadata.ID, first.Metadata.ID)
		}
		if n := count(t, e, "SELECT count(*) FROM audit_events WHERE object_name = 'one'"); n != 1 {
			t.Errorf("%d audit entries, want 1", n)
		}
	})
	t.Run("the repeat sees the present state", func(t *testing.T) {
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE projects SET display_name = 'renamed since' WHERE name = 'one'")
			return err
		})
		e.Do(t, projectOrder(e, t, "one", "k1")).Want(t, 201).Decode(t, &again)
		if again.DisplayName != "renamed since" {
			t.Errorf("display name %q is that of the first answer", again.DisplayName)
		}
	})
	t.Run("the same key with another body is refused", func(t *testing.T) {
		p := e.Do(t, projectOrder(e, t, "two", "k1")).Want(t, 422).Problem(t)
		if p.Code != "idempotency-key-reused" {
			t.Errorf("code %q", p.Code)
		}
	})
	t.Run("the key is the asker's own", func(t *testing.T) {
		q := projectOrder(e, t, "three", "k1")
		q.Token = e.Token(t, httpapitest.Own, "", api.RoleAdmin)
		e.Do(t, q).Want(t, 201)
	})
	t.Run("the key is the route's own", func(t *testing.T) {
		remove := httpapitest.Request{Method: "DELETE", Path: own.path("/projects/three"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner), Key: "k1"}
		e.Do(t, remove).Want(t, 204)
		e.Do(t, remove).Want(t, 204) // a repeat, though the project is gone
		remove.Key = "k2"
		e.Do(t, remove).Want(t, 404)
	})
	t.Run("a refused request may be repeated with the same key", func(t *testing.T) {
		e.Do(t, projectOrder(e, t, "one", "k3")).Want(t, 409)
		e.Do(t, projectOrder(e, t, "four", "k3")).Want(t, 201)
	})
	t.Run("a key is forgotten after a day", func(t *testing.T) {
		e.Clock.Advance(24*time.Hour - time.Microsecond)
		e.Do(t, projectOrder(e, t, "five", "k1")).Want(t, 422)
		e.Clock.Advance(time.Microsecond)
		e.Do(t, projectOrder(e, t, "five", "k1")).Want(t, 201)
		e.Clock.Advance(25 * time.Hour)
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := idempotency.Sweep(ctx, tx, e.Clock.Now(), 1000)
			return err
		})
		if n := count(t, e, "SELECT count(*) FROM idempotency_keys"); n != 0 {
			t.Errorf("%d keys are left", n)
		}
	})
	t.Run("a key that is too long", func(t *testing.T) {
		e.Do(t, projectOrder(e, t, "six", longText(256))).Want(t, 422)
	})
}

func longText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

// The secret of a token is in the first answer only: the record of the request
// does not hold it.
func TestRepeatShowsNoSecret(t *testing.T) {
	e := httpapitest.New(t)
	q := httpapitest.Request{
		Method: "POST", Path: own.path("/tokens"), Token: e.Token(t, httpapitest.Own, "", api.RoleOwner),
		Body: api.TokenCreate{Name: "ci", Role: api.RoleEditor}, Key: "token",
	}
	var first, again api.Token
	e.Do(t, q).Want(t, 201).Decode(t, &first)
	e.Do(t, q).Want(t, 201).Decode(t, &again)
	if first.Secret == "" || again.Secret != "" || again.ID != first.ID {
		t.Errorf("first %+v, then %+v", first, again)
	}
}

// While the first request runs, a repeat is told to wait; when it has failed,
// the repeat is carried out.
func TestIdempotencyKeyStillRunning(t *testing.T) {
	for _, outcome := range []string{"commits", "is killed"} {
		t.Run("the first "+outcome, func(t *testing.T) {
			e := httpapitest.New(t)
			road := block(t, e, "projects")
			var wg sync.WaitGroup
			wg.Go(func() {
				got := e.Do(t, projectOrder(e, t, "slow", "k"))
				if outcome == "commits" && got.Status != 201 {
					t.Errorf("the first: status %d: %s", got.Status, got.Body)
				}
				if outcome == "is killed" && got.Status != 503 {
					t.Errorf("the killed one: status %d: %s", got.Status, got.Body)
				}
			})
			pid := road.waiting(t, 1)
			p := e.Do(t, projectOrder(e, t, "slow", "k")).Want(t, 409)
			if p.Problem(t).Code != "still-running" || p.Header.Get("Retry-After") == "" {
				t.Errorf("the repeat is told %s, Retry-After %q", p.Body, p.Header.Get("Retry-After"))
			}
			if outcome == "is killed" {
				road.kill(t, pid)
				wg.Wait()
				if n := count(t, e, "SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM projects WHERE name = 'slow') + (SELECT count(*) FROM audit_events WHERE object_name = 'slow')"); n != 0 {
					t.Errorf("the killed request left %d rows", n)
				}
			}
			road.lift(t)
			wg.Wait()
			again := e.Do(t, projectOrder(e, t, "slow", "k"))
			for again.Status == http.StatusConflict { // the record still takes back what was killed
				again = e.Do(t, projectOrder(e, t, "slow", "k"))
			}
			again.Want(t, http.StatusCreated)
			if n := count(t, e, "SELECT count(*) FROM projects WHERE name = 'slow'"); n != 1 {
				t.Errorf("%d projects", n)
			}
		})
	}
}
