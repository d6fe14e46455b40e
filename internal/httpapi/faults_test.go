package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

// endless is a body without an end that counts what is taken of it.
type endless struct {
	read atomic.Int64
	size int64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.read.Load() >= e.size {
		return 0, io.EOF
	}
	for i := range b {
		b[i] = ' '
	}
	e.read.Add(int64(len(b)))
	return len(b), nil
}

func TestBodyOf100MB(t *testing.T) {
	const size = 100 << 20
	e := httpapitest.New(t)
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	for name, length := range map[string]int64{"declared": size, "in chunks": -1} {
		t.Run(name, func(t *testing.T) {
			body := &endless{size: size}
			r, err := http.NewRequestWithContext(t.Context(), "POST", e.URL+own.path("/projects"), body)
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := e.Client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d", resp.StatusCode)
			}
			if n := body.read.Load(); n > 16<<20 {
				t.Errorf("%d bytes went over the wire before it was refused", n)
			}
		})
	}
}

func TestMalformedRequests(t *testing.T) {
	e := httpapitest.New(t)
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	tests := []struct {
		name         string
		method, path string
		body         any
		status       int
		location     string
	}{
		{"cut JSON", "POST", own.path("/projects"), `{"name": "a`, 400, "body"},
		{"two documents", "POST", own.path("/projects"), `{"name": "a"} {"name": "b"}`, 400, "body"},
		{"not JSON", "POST", own.path("/projects"), "name=a", 400, "body"},
		{"no body", "POST", own.path("/projects"), nil, 400, ""},
		{"a list", "POST", own.path("/projects"), `[]`, 422, "body"},
		{"another type", "POST", own.path("/projects"), `{"name": 7}`, 422, "body.name"},
		{"a missing field", "POST", own.path("/projects"), `{}`, 422, "body"},
		{"an unknown field", "POST", own.path("/projects"), `{"name": "a", "colour": "red"}`, 422, "body.colour"},
		{"a name with spaces", "POST", own.path("/projects"), `{"name": "my project"}`, 422, "body.name"},
		{"a name of 64 characters", "POST", own.path("/projects"), `{"name": "` + longText(64) + `"}`, 422, "body.name"},
		{"a long display name", "POST", own.path("/projects"), `{"name": "a", "displayName": "` + longText(121) + `"}`, 422, "body.displayName"},
		{"a zero byte", "POST", own.path("/projects"), `{"name": "a", "displayName": "a\u0000b"}`, 422, ""},
		{"an unknown role", "PUT", own.path("/members"), `{"email": "a@example.org", "role": "king"}`, 422, "body.role"},
		{"not an e-mail address", "PUT", own.path("/members"), `{"email": "a", "role": "viewer"}`, 422, "body.email"},
		{"a negative quota", "POST", own.path("/tokens"), `{"name": "a", "role": "viewer", "expiresInDays": -1}`, 422, "body.expiresInDays"},
		{"a token for two years", "POST", own.path("/tokens"), `{"name": "a", "role": "viewer", "expiresInDays": 367}`, 422, "body.expiresInDays"},
		{"not an ID", "DELETE", own.path("/tokens/1"), nil, 422, "path.id"},
		{"an unknown parameter", "GET", own.path("/projects?colour=red"), nil, 422, "query.colour"},
		{"a limit of none", "GET", own.path("/audit?limit=0"), nil, 422, "query.limit"},
		{"a limit in words", "GET", own.path("/audit?limit=many"), nil, 422, "query.limit"},
		{"a made-up cursor", "GET", own.path("/audit?cursor=made-up"), nil, 422, "query.cursor"},
		{"a zero byte in the query", "GET", own.path("/audit?q=%00"), nil, 422, ""},
		{"bytes that are no text", "GET", own.path("/projects/%ff"), nil, 404, ""},
		{"nothing there", "GET", "/api/v1/nothing", nil, 404, ""},
		{"another method", "PATCH", "/api/v1/version", nil, 405, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := e.Do(t, httpapitest.Request{Method: test.method, Path: test.path, Token: token, Body: test.body}).Want(t, test.status).Problem(t)
			if p.Detail == "" || p.Code == "" || p.Status != test.status {
				t.Errorf("an incomplete problem: %+v", p)
			}
			if test.location == "" {
				return
			}
			for _, f := range p.Errors {
				if f.Location == test.location {
					return
				}
			}
			t.Errorf("the field %s is not named: %+v", test.location, p.Errors)
		})
	}
}

// What was sent is shown again only where it cannot be a secret.
func TestRefusalShowsNoSecret(t *testing.T) {
	e := httpapitest.New(t)
	for name, body := range map[string]string{
		"a long password":       `{"email": "a@example.org", "password": "hunter2` + longText(1024) + `"}`,
		"a missing address":     `{"password": "hunter2"}`,
		"an unknown field":      `{"email": "a@example.org", "password": "hunter2", "x": {"y": "hunter2"}}`,
		"cut JSON":              `{"email": "a@example.org", "password": "hunter2`,
		"another type of field": `{"email": "a@example.org", "password": ["hunter2"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			got := e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: body})
			if got.Status < 400 || strings.Contains(string(got.Body), "hunter2") {
				t.Errorf("status %d: %s", got.Status, got.Body)
			}
		})
	}
}

// A fault of ours is an answer without the inside, and the server goes on.
func TestPanicAndLostDatabase(t *testing.T) {
	e := httpapitest.New(t)
	e.Server.Mux().HandleFunc("GET /fault", func(http.ResponseWriter, *http.Request) { panic("pgx at souk/internal") })
	p := e.Do(t, httpapitest.Request{Method: "GET", Path: "/fault"}).Want(t, 500).Problem(t)
	if p.Code != "internal" || p.RequestID == "" {
		t.Errorf("%+v", p)
	}
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/readyz"}).Want(t, 200)
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	e.Store.Close()
	lost := e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/projects"), Token: token}).Want(t, 503)
	if lost.Problem(t).Code != "record-away" || lost.Header.Get("Retry-After") == "" {
		t.Errorf("Retry-After %q: %s", lost.Header.Get("Retry-After"), lost.Body)
	}
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/readyz"}).Want(t, 503)
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/healthz"}).Want(t, 200)
}

func TestHeaders(t *testing.T) {
	e := httpapitest.New(t)
	got := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/version", Header: map[string]string{"X-Request-Id": "mine-1"}}).Want(t, 200)
	for name, want := range map[string]string{
		"X-Request-Id": "mine-1", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	got = e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/version", Header: map[string]string{"X-Request-Id": "a b\tc"}})
	if id := got.Header.Get("X-Request-Id"); len(id) != 36 {
		t.Errorf("a made-up request ID is passed on: %q", id)
	}
}

// What is logged of a request names it, and holds nothing that a user typed or
// that opens something.
func TestLogHoldsNoSecret(t *testing.T) {
	var log lockedBuffer
	e := httpapitest.New(t, func(c *httpapi.Config) {
		c.Logger, c.SlowRequest = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), time.Nanosecond
	})
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	e.Do(t, httpapitest.Request{Method: "GET", Path: own.path("/audit?q=hunter2"), Token: token}).Want(t, 200)
	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: "a@example.org", Password: "hunter2"}}).Want(t, 401)
	text := log.String()
	if !strings.Contains(text, "operation=audit-list") || !strings.Contains(text, "operation=login") {
		t.Errorf("slow requests are not logged: %s", text)
	}
	for _, secret := range []string{"hunter2", token} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// lockedBuffer takes what goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
