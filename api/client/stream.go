package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// LogOptions choose log lines.
type LogOptions struct {
	Tail   int  // the last N lines; 0 leaves it to the server
	Follow bool // go on until the context ends
	// Only entries from then on, and from before then; zero: of any time.
	Since, Until time.Time
	Grep         string // only lines that contain it, in whatever case
	Level        string // only entries as grave as this, or graver: debug, info, warning, error
}

// Logs streams an instance's log lines, oldest first. The caller closes the
// reader.
func (p *Project) Logs(ctx context.Context, name string, opt LogOptions) (io.ReadCloser, error) {
	query := url.Values{}
	if opt.Tail > 0 {
		query.Set("tail", strconv.Itoa(opt.Tail))
	}
	if opt.Follow {
		query.Set("follow", "true")
	}
	setTime(query, "since", opt.Since)
	setTime(query, "until", opt.Until)
	set(query, "grep", opt.Grep)
	set(query, "level", opt.Level)
	header := http.Header{"Accept": {"text/plain, application/problem+json"}}
	resp, err := p.client.open(ctx, p.path(name, "logs"), query, header)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// open begins an answer that is read bit by bit, for as long as it takes.
func (c *Client) open(ctx context.Context, path []string, query url.Values, header http.Header) (resp *http.Response, err error) {
	policy := c.retry
	policy.attempt = 0
	err = policy.do(ctx, func(ctx context.Context) error {
		resp, err = c.send(ctx, http.MethodGet, path, query, header, nil)
		return err
	})
	return resp, err
}

// openEvents begins one server-sent stream, after the event with this id where
// there is one. It makes one try.
func (c *Client) openEvents(ctx context.Context, path []string, query url.Values, lastID string) (*watchedBody, error) {
	header := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-store"}}
	if lastID != "" {
		header.Set("Last-Event-ID", lastID)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watchdog := time.AfterFunc(c.idle/2, func() { cancel(errSilent) }) // a listing begins at once
	resp, err := c.send(ctx, http.MethodGet, path, query, header, nil)
	if err != nil {
		watchdog.Stop()
		cancel(nil)
		return nil, err
	}
	body := &watchedBody{ReadCloser: resp.Body, idle: c.idle, watchdog: watchdog, cancel: cancel}
	if media := resp.Header.Get("Content-Type"); !strings.HasPrefix(media, "text/event-stream") {
		body.Close()
		return nil, fmt.Errorf("%w: it answered with %q", errNoStream, media)
	}
	return body, nil
}

// watchedBody ends a stream on which nothing, not even a comment, has come for
// too long: the connection is dead and nobody said so.
type watchedBody struct {
	io.ReadCloser
	idle     time.Duration
	watchdog *time.Timer
	cancel   context.CancelCauseFunc
	alive    bool // something came
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.alive = true
		b.watchdog.Reset(b.idle)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.watchdog.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}
