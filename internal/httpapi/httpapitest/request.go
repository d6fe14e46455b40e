package httpapitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"souk/internal/httpapi"
)

// Request is one request; Body is sent as it is when it is a string or []byte, or
// an io.Reader, and else as JSON.
type Request struct {
	Method, Path string
	Token        string
	Body         any
	Key          string // Idempotency-Key
	Header       map[string]string
}

// Response is its answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends the request.
func (e *Env) Do(t testing.TB, q Request) Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.Method, e.URL+q.Path, reader(t, q.Body))
	if err != nil {
		t.Fatal(err)
	}
	if q.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.Token != "" {
		r.Header.Set("Authorization", "Bearer "+q.Token)
	}
	if q.Key != "" {
		r.Header.Set("Idempotency-Key", q.Key)
	}
	for k, v := range q.Header {
		r.Header.Set(k, v)
	}
	resp, err := e.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, inside := range []string{"SQLSTATE", "pgconn", "pgx:", "jackc/pgx", "goroutine ", "souk/internal", "souk_app", "souk_system"} {
		if bytes.Contains(body, []byte(inside)) {
			t.Errorf("%s %s shows something of the inside: %s", q.Method, q.Path, body)
		}
	}
	return Response{resp.StatusCode, resp.Header, body}
}

func reader(t testing.TB, body any) io.Reader {
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	case io.Reader:
		return b
	}
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(raw)
}

// Want fails the test when the status is another.
func (r Response) Want(t testing.TB, status int) Response {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status is %d, want %d: %s", r.Status, status, r.Body)
	}
	return r
}

// Decode reads the body into v.
func (r Response) Decode(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
}

// Problem reads the body as a problem document.
func (r Response) Problem(t testing.TB) httpapi.Problem {
	t.Helper()
	var p httpapi.Problem
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type is %q, want a problem document: %s", got, r.Body)
	}
	r.Decode(t, &p)
	return p
}
