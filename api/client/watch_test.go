package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/api/client"
)

// events streams this text and ends; "…" cuts the connection instead.
func events(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		before, _, abort := strings.Cut(text, "…")
		fmt.Fprint(w, before)
		w.(http.Flusher).Flush()
		if abort {
			panic(http.ErrAbortHandler)
		}
	}
}

// silence opens a stream on which nothing ever comes.
func silence(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func event(id, phase string) string {
	return fmt.Sprintf("id: %s\nevent: instance\ndata: {\"metadata\":{\"name\":\"db1\"},\ndata: \"status\":{\"phase\":%q}}\n\n", id, phase)
}

const synced = "id: s\nevent: synced\ndata: {}\n\n"

// phases watches until Ready and returns what was seen; "|" is the sync.
func phases(t *testing.T, c *client.Client) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var seen []string
	for e, err := range c.Organization("acme").Project("default").WatchInstance(ctx, "db1") {
		if err != nil {
			return strings.Join(seen, " "), err
		}
		if e.Synced {
			seen = append(seen, "|")
			continue
		}
		seen = append(seen, string(e.Instance.Status.Phase))
		if e.Instance.Status.Phase == api.PhaseReady {
			break
		}
	}
	return strings.Join(seen, " "), nil
}

func TestWatch(t *testing.T) {
	tests := []struct {
		name    string
		answers []http.HandlerFunc
		want    string
		lastIDs []string
	}{
		{
			name:    "one stream",
			answers: []http.HandlerFunc{events(": keep-alive\n\n" + event("1", "Pending") + synced + event("2", "Ready"))},
			want:    "Pending | Ready",
			lastIDs: []string{""},
		},
		{
			name: "a cut stream is resumed after the last whole event",
			answers: []http.HandlerFunc{
				events(event("1", "Pending") + synced + event("2", "Provisioning") + "id: 3\nevent: instance\ndata: {…"),
				events(event("3", "Ready")),
			},
			want:    "Pending | Provisioning Ready",
			lastIDs: []string{"", "2"},
		},
		{
			name: "a compacted token begins anew",
			answers: []http.HandlerFunc{
				events(event("1", "Pending") + synced),
				answer(410, `{"detail":"too old"}`),
				answer(200, `{"metadata":{"name":"db1"},"status":{"phase":"Updating"}}`),
				events(event("9", "Ready")),
			},
			want:    "Pending | Updating Ready",
			lastIDs: []string{"", "s", "", ""},
		},
		{
			name: "without streams it polls",
			answers: []http.HandlerFunc{
				answer(200, `{}`),
				answer(200, `{"metadata":{"name":"db1"},"status":{"phase":"Pending"}}`),
				answer(502, ``),
				answer(200, `{"metadata":{"name":"db1"},"status":{"phase":"Ready"}}`),
			},
			want:    "Pending | Ready",
			lastIDs: []string{"", "", "", ""},
		},
		{
			name: "a silent stream is given up",
			answers: []http.HandlerFunc{
				silence,
				answer(200, `{"metadata":{"name":"db1"},"status":{"phase":"Ready"}}`),
			},
			want:    "Ready",
			lastIDs: []string{"", ""},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &script{answers: tt.answers}
			server := httptest.NewServer(s)
			defer server.Close()
			got, err := phases(t, dial(t, server.URL, client.WithIdleTimeout(400*time.Millisecond)))
			if err != nil || got != tt.want {
				t.Errorf("saw %q, %v; want %q", got, err, tt.want)
			}
			var lastIDs []string
			for _, r := range s.requests {
				lastIDs = append(lastIDs, r.Header.Get("Last-Event-ID"))
			}
			if !slices.Equal(lastIDs, tt.lastIDs) {
				t.Errorf("resumed from %q, want %q", lastIDs, tt.lastIDs)
			}
		})
	}
}

// Where changes may have been missed, whoever asked only for changes is told so.
func TestChangesThatWereMissedAreTold(t *testing.T) {
	_, c := play(t, events(synced), answer(410, `{"detail":"too old"}`), events(synced+event("9", "Ready")))
	var seen []string
	for e, err := range c.Organization("acme").Project("default").Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if !e.Synced {
			break
		}
		seen = append(seen, "|")
	}
	if len(seen) != 2 {
		t.Errorf("told of it %d times, want 2", len(seen))
	}
}

func TestWatchEndsWhenRefused(t *testing.T) {
	for _, status := range []int{401, 403, 404} {
		_, c := play(t, answer(status, `{}`))
		if _, err := phases(t, c); !client.IsStatus(err, status) {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	_, c := play(t, silence)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.Organization("acme").Project("default").Watch(ctx, client.ListOptions{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
}
