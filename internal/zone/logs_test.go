package zone_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/fake"
	"souk/internal/problem"
	"souk/internal/zone"
)

// talker is a zone whose instances log without end when they are followed.
type talker struct {
	*fake.Driver
	lines chan string   // what is followed
	ended chan struct{} // one for each reader that was closed
	flood bool          // without waiting for lines
}

func newTalker() *talker {
	return &talker{Driver: newDriver(), lines: make(chan string), ended: make(chan struct{}, 100)}
}

func (d *talker) Logs(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error) {
	if !opt.Follow {
		return d.Driver.Logs(ctx, id, opt)
	}
	out, in := io.Pipe()
	go func() {
		defer func() { d.ended <- struct{}{} }()
		defer in.Close()
		for {
			line := strings.Repeat("x", 4000)
			if !d.flood {
				select {
				case <-ctx.Done():
					return
				case line = <-d.lines:
				}
			}
			if _, err := io.WriteString(in, line+"\n"); err != nil || ctx.Err() != nil {
				return
			}
		}
	}()
	return struct {
		io.Reader
		io.Closer
	}{out, out}, nil
}

// mailbox collects what is written, and tells.
type mailbox struct {
	mu   sync.Mutex
	text bytes.Buffer
	came chan struct{}
}

func newMailbox() *mailbox { return &mailbox{came: make(chan struct{}, 10000)} }

func (m *mailbox) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.came <- struct{}{}
	return m.text.Write(b)
}

func (m *mailbox) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text.String()
}

func (p *plane) logs(ctx context.Context, id fmt.Stringer, follow bool, w io.Writer) error {
	return p.zones.Logs(ctx, p.Zone, id.String(), driver.LogOptions{Follow: follow}, w)
}

// awaitStream waits until the agent takes requests.
func (p *plane) awaitStream(id fmt.Stringer) {
	p.t.Helper()
	p.eventually("the agent takes requests", func() bool { return p.logs(p.t.Context(), id, false, io.Discard) == nil })
}

func (d *talker) awaitEnd(t *testing.T, what string) {
	t.Helper()
	select {
	case <-d.ended:
	case <-time.After(patience):
		t.Fatalf("the zone goes on reading the log after %s", what)
	}
}

func code(err error) string {
	if p := problem.As(err); p != nil {
		return p.Code
	}
	return fmt.Sprint(err)
}

func TestLogs(t *testing.T) {
	p := newPlane(t, func(c *zone.Config) { c.WriteWithin = 200 * time.Millisecond })
	d := newTalker()
	m := p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	p.awaitStream(id)

	t.Run("of an instance", func(t *testing.T) {
		var text bytes.Buffer
		if err := p.logs(t.Context(), id, false, &text); err != nil || !strings.Contains(text.String(), id.String()) {
			t.Errorf("%q, %v", text.String(), err)
		}
	})
	t.Run("of what the zone does not know", func(t *testing.T) {
		if err := p.logs(t.Context(), p.Acme.Project, false, io.Discard); code(err) != "no-logs" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("followed until the asker goes", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		box, done := newMailbox(), make(chan error, 1)
		go func() { done <- p.logs(ctx, id, true, box) }()
		d.lines <- "first"
		<-box.came
		// A pause longer than a write may take is no reason to end.
		time.Sleep(3 * p.config.WriteWithin)
		d.lines <- "second"
		<-box.came
		cancel()
		if err := <-done; err != nil || box.String() != "first\nsecond\n" {
			t.Errorf("%q, %v", box.String(), err)
		}
		d.awaitEnd(t, "the asker has gone")
	})
	t.Run("by many at once", func(t *testing.T) {
		var all sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			all.Go(func() { errs[i] = p.logs(t.Context(), id, false, io.Discard) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	})
	t.Run("one who does not read is cut off and holds nobody up", func(t *testing.T) {
		d.flood = true
		r, w := io.Pipe() // nobody reads
		done := make(chan error, 1)
		go func() { done <- p.logs(t.Context(), id, true, w) }()
		d.awaitEnd(t, "the asker was cut off")
		if err := p.logs(t.Context(), id, false, io.Discard); err != nil {
			t.Errorf("meanwhile another one got %v", err)
		}
		r.Close()
		<-done
		d.flood = false
	})
	t.Run("broken off when the agent goes", func(t *testing.T) {
		box, done := newMailbox(), make(chan error, 1)
		go func() { done <- p.logs(t.Context(), id, true, box) }()
		d.lines <- "first"
		<-box.came
		m.Stop()
		if err := <-done; code(err) != "zone-unreachable" {
			t.Errorf("got %v", err)
		}
		d.awaitEnd(t, "the agent has gone")
		if err := p.logs(t.Context(), id, false, io.Discard); code(err) != "zone-unreachable" {
			t.Errorf("without an agent: %v", err)
		}
		m.Start()
		p.awaitStream(id)
	})
	if m.log.String() == "" {
		t.Error("the agent logged nothing")
	}
}
