package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

// Who sends a body that never ends is answered and cut off, also when the request
// is refused before any of the body is read.
func TestABodyThatDoesNotArriveHoldsNoConnection(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.ReadTimeout = 100 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "POST /api/v1/organizations/x/projects HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", answer.StatusCode)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("the connection goes on: %d bytes", n)
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("the connection was held open")
	}
}

func TestStreamsOfOnePrincipalAreLimited(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.Streams = 2 })
	go e.Server.Feed.Run(t.Context())
	token := e.Token(t, httpapitest.Own, "", api.RoleViewer)
	watch := func(token string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "GET", e.URL+"/api/v1/organizations/"+httpapitest.Own+"/projects/"+httpapitest.OwnProject+"/instances?watch=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	for range 2 {
		if s := watch(token).StatusCode; s != http.StatusOK {
			t.Fatalf("status %d", s)
		}
	}
	if s := watch(token).StatusCode; s != http.StatusTooManyRequests {
		t.Errorf("a third stream: status %d", s)
	}
	if s := watch(e.Token(t, httpapitest.Own, "", api.RoleEditor)).StatusCode; s != http.StatusOK {
		t.Errorf("a stream of somebody else: status %d", s)
	}
}
