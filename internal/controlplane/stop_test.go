package controlplane

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// front serves a replica until the function returned is called; the channel is
// closed when it has ended.
func front(t *testing.T, cp *ControlPlane) (url string, stop func(), ended <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	done := make(chan struct{})
	serving, end := context.WithCancel(cp.leave(ctx))
	t.Cleanup(end)
	go cp.feed.Run(serving)
	go func() {
		defer close(done)
		if err := cp.serveFront(serving, l); err != nil {
			t.Error(err)
		}
	}()
	return "http://" + l.Addr().String(), cancel, done
}

func get(t *testing.T, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer souk_"+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// A replica that is told to stop answers what is under way, and ends its streams.
func TestStopFinishesRequestsAndEndsStreams(t *testing.T) {
	c := config(t)
	cp := replica(t, c, nil, packages())
	begun, release := make(chan struct{}), make(chan struct{})
	cp.api.Mux().HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-release
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	url, stop, ended := front(t, cp)

	stream := get(t, url+"/api/v1/organizations/acme/projects/default/instances?watch=true", c.Demo.Tokens["acme"])
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() {
		t.Fatalf("the stream does not begin: %v", lines.Err())
	}
	slow := make(chan int, 1)
	go func() { slow <- get(t, url+"/slow", "").StatusCode }()
	<-begun
	stop()
	for lines.Scan() { // until it ends
	}
	select {
	case <-ended:
		t.Error("the replica ended before the request that was under way")
	case <-slow:
		t.Error("it was answered before it was carried out")
	default:
	}
	close(release)
	if status := <-slow; status != http.StatusOK {
		t.Errorf("the request under way was answered %d", status)
	}
	<-ended
}

// Until nobody sends it new requests, a replica that is to stop answers them, and
// says that it is not ready.
func TestStopGoesOnAnsweringForAWhile(t *testing.T) {
	c := config(t)
	c.StopDelaySeconds = 3600
	cp := replica(t, c, nil, packages())
	url, stop, ended := front(t, cp)
	if answer := get(t, url+"/readyz", ""); answer.StatusCode != http.StatusOK || answer.Close {
		t.Errorf("before: %d, close %v", answer.StatusCode, answer.Close)
	}
	stop()
	for ready := time.Now(); get(t, url+"/readyz", "").StatusCode != http.StatusServiceUnavailable; {
		if time.Since(ready) > 10*time.Second {
			t.Fatal("it says that it is ready")
		}
	}
	answer := get(t, url+"/api/v1/version", "")
	if answer.StatusCode != http.StatusOK || !answer.Close {
		t.Errorf("a request while stopping: %d, close %v", answer.StatusCode, answer.Close)
	}
	select {
	case <-ended:
		t.Error("it ended at once")
	default:
	}
}

func TestStopDelayIsNotNegative(t *testing.T) {
	c := Config{StopDelaySeconds: -1, Listen: "x", AgentListen: "x", AgentNames: []string{"x"}, AgentURL: "x"}
	c.Record.App, c.Record.System = "x", "x"
	if err := c.check(); err == nil || !strings.Contains(err.Error(), "stopDelaySeconds") {
		t.Errorf("got %v", err)
	}
}
