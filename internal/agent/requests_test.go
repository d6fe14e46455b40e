package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"souk/internal/agent/agenttest"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

func logsOf(request, instance string, follow bool) agentapi.Request {
	return agentapi.Request{ID: request, Logs: &agentapi.LogsRequest{InstanceID: instance, Options: driver.LogOptions{Follow: follow}}}
}

// collect reads all responses and returns their data and the last one.
func collect(responses <-chan agentapi.Response) (string, agentapi.Response) {
	var text strings.Builder
	var last agentapi.Response
	for response := range responses {
		text.Write(response.Data)
		last = response
	}
	return text.String(), last
}

// follower is a log that goes on for as long as its lines do.
func follower(ctx context.Context, lines <-chan string) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	go func() {
		for line := range lines {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
		}
		w.Close()
	}()
	return r
}

func TestLogsAreReadThroughTheAgentsOwnStream(t *testing.T) {
	m := newMachine(t)
	large := bytes.Repeat([]byte("0123456789abcde\n"), 64<<10) // 1 MiB
	m.zone.logs = func(_ context.Context, id string, _ driver.LogOptions) (io.ReadCloser, error) {
		switch id {
		case "absent":
			return nil, driver.ErrNotFound
		case "broken":
			return nil, errors.New("open /inside/log: permission denied")
		}
		return io.NopCloser(bytes.NewReader(large)), nil
	}
	m.Start()
	text, last := collect(m.server.Ask(logsOf("1", "db1", false)))
	if text != string(large) || !last.Done || last.Error != "" {
		t.Errorf("got %d bytes of %d, and %+v", len(text), len(large), last)
	}
	if _, last = collect(m.server.Ask(logsOf("2", "absent", false))); last.Code != "not-found" || last.Error == "" {
		t.Errorf("absent: %+v", last)
	}
	if _, last = collect(m.server.Ask(logsOf("3", "broken", false))); last.Error == "" || strings.Contains(last.Error, "inside") {
		t.Errorf("broken: %+v", last)
	}
	if _, last = collect(m.server.Ask(agentapi.Request{ID: "4"})); !strings.Contains(last.Error, "does not know that request") {
		t.Errorf("unknown request: %+v", last)
	}
}

func TestManyLogsAreFollowedAtOnceAndCancelled(t *testing.T) {
	m := newMachine(t)
	m.config.MaxRequests = 20
	m.zone.logs = func(ctx context.Context, id string, _ driver.LogOptions) (io.ReadCloser, error) {
		lines := make(chan string, 1)
		lines <- id + "\n"
		return follower(ctx, lines), nil
	}
	m.Start()
	open := make(map[string]<-chan agentapi.Response)
	for i := range 20 {
		id := fmt.Sprint(i)
		open[id] = m.server.Ask(logsOf(id, "db"+id, true))
	}
	for id, responses := range open {
		if first := <-responses; string(first.Data) != "db"+id+"\n" {
			t.Errorf("request %s was answered %q", id, first.Data)
		}
	}
	if _, last := collect(m.server.Ask(logsOf("one too many", "db", true))); !strings.Contains(last.Error, "as many requests as it can") {
		t.Errorf("one too many: %+v", last)
	}
	for id, responses := range open {
		m.server.Cancel(id)
		if _, last := collect(responses); !last.Done || last.Error != "" {
			t.Errorf("request %s, cancelled, ended with %+v", id, last)
		}
	}
}

func TestTheStreamOfRequestsIsOpenedAgain(t *testing.T) {
	m := newMachine(t).Start()
	m.server.Want(wanted("db1", 1, agentapi.IntentActive))
	m.awaitState("db1", driver.StateRunning, 1)
	for i := range 3 {
		m.server.DropConnections()
		eventually(t, "logs can be read", func() bool {
			text, _ := collect(m.server.Ask(logsOf(fmt.Sprint(i, time.Now().UnixNano()), "db1", false)))
			return text == "a line\n"
		})
	}
}

func TestRotationDoesNotCutARequestInFlight(t *testing.T) {
	c := new(clock)
	m := newMachineAt(t, c, agenttest.Options{Now: c.Now, Life: time.Hour})
	lines := make(chan string)
	m.zone.logs = func(ctx context.Context, id string, _ driver.LogOptions) (io.ReadCloser, error) {
		if id == "followed" {
			return follower(ctx, lines), nil
		}
		return io.NopCloser(strings.NewReader("new\n")), nil
	}
	m.Start()
	responses := m.server.Ask(logsOf("1", "followed", true))
	lines <- "before\n"
	if first := <-responses; string(first.Data) != "before\n" {
		t.Fatalf("got %q", first.Data)
	}

	c.Move(50 * time.Minute)
	m.server.Await("a stream with the new certificate is open", func() bool { return m.server.Issued() == 2 && m.server.Streams() == 2 })
	if text, _ := collect(m.server.Ask(logsOf("2", "db2", false))); text != "new\n" {
		t.Errorf("over the new connection: %q", text)
	}
	lines <- "after\n"
	close(lines)
	if text, last := collect(responses); text != "after\n" || !last.Done || last.Error != "" {
		t.Errorf("after the rotation: %q, %+v", text, last)
	}
	m.server.Await("the old stream ends", func() bool { return m.server.Streams() == 1 })
}
