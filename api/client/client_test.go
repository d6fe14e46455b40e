package client_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/api"
	"souk/api/client"
)

// serve answers the requests one after the other and records them.
type script struct {
	mu       sync.Mutex
	requests []*http.Request
	answers  []http.HandlerFunc
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	answer := s.answers[min(len(s.requests), len(s.answers))-1]
	s.mu.Unlock()
	answer(w, r)
}

func play(t *testing.T, answers ...http.HandlerFunc) (*script, *client.Client) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, dial(t, server.URL)
}

func dial(t *testing.T, url string, options ...client.Option) *client.Client {
	t.Helper()
	options = append([]client.Option{
		client.WithToken("secret"), client.WithBackoff(time.Millisecond, 4*time.Millisecond), client.WithPatience(20 * time.Millisecond),
	}, options...)
	c, err := client.New(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// cut reads the request and closes the connection without an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestChangesAreRepeatedWithTheSameIdempotencyKey(t *testing.T) {
	s, c := play(t,
		cut,
		answer(429, `{"detail":"slow down"}`, "Content-Type", "application/problem+json"),
		answer(503, `busy`, "Content-Type", "text/html"),
		answer(409, `{"detail":"still running"}`, "Retry-After", "1", "Content-Type", "application/problem+json"),
		answer(201, `{"metadata":{"name":"db1"}}`),
	)
	instance, err := c.Organization("acme").Project("default").Order(t.Context(), api.InstanceOrder{})
	if err != nil || instance.Metadata.Name != "db1" {
		t.Fatalf("order: %v, %+v", err, instance)
	}
	if len(s.requests) != 5 {
		t.Fatalf("%d requests, want 5", len(s.requests))
	}
	first := s.requests[0].Header.Get("Idempotency-Key")
	for _, r := range s.requests {
		if key := r.Header.Get("Idempotency-Key"); key != first || len(key) < 16 {
			t.Errorf("idempotency key %q, first was %q", key, first)
		}
	}
}

func TestIdempotencyKeyOfTheContext(t *testing.T) {
	s, c := play(t, answer(201, `{"metadata":{"name":"db1"}}`))
	ctx := client.WithIdempotencyKey(t.Context(), "made-with-the-form")
	if _, err := c.Organization("acme").Project("default").Order(ctx, api.InstanceOrder{}); err != nil {
		t.Fatal(err)
	}
	if key := s.requests[0].Header.Get("Idempotency-Key"); key != "made-with-the-form" {
		t.Errorf("the key is %q", key)
	}
}

func TestRefusalsAreNotRepeated(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 412, 422, 500} {
		s, c := play(t, answer(status, `{"detail":"no"}`, "Content-Type", "application/problem+json"))
		_, err := c.Whoami(t.Context())
		if !client.IsStatus(err, status) || len(s.requests) != 1 {
			t.Errorf("%d: %v after %d requests", status, err, len(s.requests))
		}
	}
}

func TestErrorCarriesTheProblem(t *testing.T) {
	_, c := play(t, answer(422, `{"title":"Unprocessable Entity","status":422,"detail":"The order cannot be accepted.","code":"invalid",
		"errors":[{"location":"body.spec.plan","message":"there is no plan huge","value":"huge"}]}`,
		"Content-Type", "application/problem+json", "X-Request-Id", "r1"))
	_, err := c.Services(t.Context())
	var refused *client.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%v is not an Error", err)
	}
	if refused.Code != "invalid" || refused.RequestID != "r1" || refused.Fields[0].Name() != "spec.plan" {
		t.Errorf("%+v", refused)
	}
	if want := "The order cannot be accepted.; spec.plan: there is no plan huge"; refused.Error() != want {
		t.Errorf("%q, want %q", refused, want)
	}
}

func TestAnswersThatAreNotSouks(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"a page of a proxy":          answer(404, `<html>`, "Content-Type", "text/html"),
		"a page that says all right": answer(200, `<html>`, "Content-Type", "text/html"),
		"a redirect":                 answer(302, ``, "Location", "https://elsewhere.example/"),
	}
	for name, handler := range tests {
		s, c := play(t, handler)
		if _, err := c.Whoami(t.Context()); err == nil || !strings.Contains(err.Error(), "address") {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.requests) != 1 {
			t.Errorf("%s: %d requests", name, len(s.requests))
		}
	}
}

func TestUnreachableGivesUpAfterPatience(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	retries := 0
	c := dial(t, server.URL, client.WithNotify(func(client.Retry) { retries++ }))
	_, err := c.Whoami(t.Context())
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || unreachable.Server != server.URL || retries == 0 {
		t.Errorf("%v after %d retries", err, retries)
	}
}

func TestRetriesEndWithTheContext(t *testing.T) {
	_, c := play(t, answer(503, `{"detail":"down for maintenance"}`, "Content-Type", "application/problem+json", "Retry-After", "3600"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Whoami(ctx); !client.IsStatus(err, 503) {
		t.Errorf("%v", err)
	}
}

func TestListsReadAllPages(t *testing.T) {
	s, c := play(t,
		answer(200, `{"items":[{"metadata":{"name":"a"}}],"next":"x"}`),
		answer(200, `{"items":[{"metadata":{"name":"b"}}]}`))
	got, err := c.Organization("acme").Project("default").Instances(t.Context(),
		client.ListOptions{Labels: map[string]string{"tier": "web", "app": "x"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %d", err, len(got))
	}
	if q := s.requests[1].URL.Query(); q.Get("cursor") != "x" || q.Get("labels") != "app=x,tier=web" {
		t.Errorf("second page asked with %v", q)
	}
}

func TestNamesAreEscaped(t *testing.T) {
	s, c := play(t, answer(404, `{}`))
	p := c.Organization("acme").Project("default")
	_, _, _ = p.Instance(t.Context(), "a/../b c?x")
	if got := s.requests[0].URL.EscapedPath(); !strings.HasSuffix(got, "/instances/a%2F..%2Fb%20c%3Fx") {
		t.Errorf("path %s", got)
	}
	for _, name := range []string{"", ".", ".."} {
		if _, err := p.Delete(t.Context(), name); err == nil || len(s.requests) != 1 {
			t.Errorf("%q was sent", name)
		}
	}
}

func TestCAIsTheOnlyOneTrusted(t *testing.T) {
	server := httptest.NewTLSServer(answer(200, `{"items":[]}`))
	defer server.Close()
	server.Config.ErrorLog = nil
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if _, err := dial(t, server.URL, client.WithCA(ca)).Services(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := dial(t, server.URL).Services(t.Context()); err == nil {
		t.Error("an unknown authority was trusted")
	}
}

func TestServerURLs(t *testing.T) {
	for _, url := range []string{"", "souk.example.com", "ftp://x", "https://user:pw@x", "https://x/?a=b", "http://"} {
		if _, err := client.New(url); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
}

func TestLogsStream(t *testing.T) {
	s, c := play(t, answer(200, "one\ntwo\n", "Content-Type", "text/plain"))
	logs, err := c.Organization("acme").Project("default").Logs(t.Context(), "db1", client.LogOptions{Tail: 5, Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	text, _ := io.ReadAll(logs)
	if string(text) != "one\ntwo\n" || s.requests[0].URL.RawQuery != "follow=true&tail=5" {
		t.Errorf("%q, %s", text, s.requests[0].URL)
	}
}

func TestReadsGiveUpSoon(t *testing.T) {
	s, c := play(t, answer(503, `{"detail":"the zone is away"}`, "Content-Type", "application/problem+json"))
	if _, err := c.Whoami(t.Context()); !client.IsStatus(err, 503) {
		t.Errorf("%v", err)
	}
	if len(s.requests) < 2 {
		t.Errorf("%d requests: it was not tried again", len(s.requests))
	}
}
