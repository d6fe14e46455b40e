package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

// A log is read by the replica that the zone's agent is connected to, whichever
// replica is asked; a request is passed on once.
func TestLogsOfAnAgentAtAnotherReplica(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	peer := func(status int, text string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r.Header.Get("Authorization")+" "+r.URL.RequestURI())
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	away, none := peer(http.StatusServiceUnavailable, "not here"), "http://127.0.0.1:1"
	there := peer(http.StatusOK, "one\ntwo\n")
	var peers []string
	var lookup error
	e := httpapitest.New(t, func(c *httpapi.Config) {
		c.Peers = func(context.Context) ([]string, error) { return peers, lookup }
	})
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	q := httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + httpapitest.Own + "/projects/" + httpapitest.OwnProject + "/instances/" + i.Name + "/logs?tail=2", Token: e.Token(t, httpapitest.Own, "", api.RoleViewer)}
	for _, c := range []struct {
		name   string
		peers  []string
		lookup error
		header map[string]string
		status int
		text   string
	}{
		{"at the last", []string{none, away, there}, nil, nil, http.StatusOK, "one\ntwo\n"},
		{"nowhere", []string{none, away}, nil, nil, http.StatusServiceUnavailable, ""},
		{"not found", nil, errors.New("no such host"), nil, http.StatusServiceUnavailable, ""},
		{"passed on already", []string{there}, nil, map[string]string{"X-Souk-Passed-On": "1"}, http.StatusServiceUnavailable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			peers, lookup, q.Header = c.peers, c.lookup, c.header
			answer := e.Do(t, q)
			if answer.Status != c.status || c.text != "" && string(answer.Body) != c.text {
				t.Errorf("%d %s", answer.Status, answer.Body)
			}
		})
	}
	want := "Bearer " + q.Token + " " + q.Path
	if len(seen) != 3 || seen[0] != want || seen[1] != want {
		t.Errorf("the replicas were asked %q", seen)
	}
}
