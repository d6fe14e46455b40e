package link

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// waiting is how many lines may wait for a slow control plane before whoever
// writes the next one waits too.
const waiting = 32

// Zone is what can be asked of the zone.
type Zone interface {
	Logs(ctx context.Context, instanceID string, opt driver.LogOptions) (io.ReadCloser, error)
}

// Serve opens the stream of requests into the zone and answers them until it
// breaks; it never returns nil. opened is called once the stream stands. When the connection is renewed it returns at
// once, so that the next stream is opened, and the requests in flight end on
// the old one.
func (c *Client) Serve(ctx context.Context, zone Zone, opened func()) error {
	ctx, stop := context.WithCancelCause(ctx)
	s := &stream{
		ctx: ctx, stop: stop, zone: zone, log: c.opt.Logger, limit: c.opt.MaxAsks,
		out: make(chan agentapi.Response, waiting), active: make(map[string]context.CancelFunc),
		idle: make(chan struct{}, 1), finish: make(chan struct{}),
	}
	switched, err := c.open(s)
	if err != nil {
		stop(err)
		return err
	}
	opened()
	select {
	case <-ctx.Done():
		s.answering.Wait()
		return context.Cause(ctx)
	case <-switched:
		c.draining.Go(func() { s.drain(c.opt.Drain) })
		return ErrSwitched
	}
}

func (c *Client) open(s *stream) (<-chan struct{}, error) {
	body, lines := io.Pipe()
	context.AfterFunc(s.ctx, func() { body.CloseWithError(io.ErrClosedPipe) })
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, c.base.JoinPath(agentapi.PathStream).String(), body)
	if err != nil {
		return nil, fmt.Errorf("open the stream of requests: %w", err)
	}
	request.Header.Set("Content-Type", "application/jsonl")
	current, switched := c.current()
	response, err := c.start(s.stop, current, request)
	if err != nil {
		return nil, err
	}
	s.answering.Go(func() {
		if err := s.write(lines); err != nil {
			s.stop(err)
		}
	})
	s.answering.Go(func() {
		defer response.Body.Close()
		s.stop(s.read(newLines(response.Body, 0, nil)))
	})
	return switched, nil
}

// stream is one open stream of requests and responses.
type stream struct {
	ctx   context.Context
	stop  context.CancelCauseFunc
	zone  Zone
	log   *slog.Logger
	limit int
	out   chan agentapi.Response

	mu        sync.Mutex
	active    map[string]context.CancelFunc // by request ID
	idle      chan struct{}                 // has a token after the last active request ended
	finish    chan struct{}                 // closed when no more lines will be put into out
	answering sync.WaitGroup
}

// write sends what waits in out; after finish it sends the rest, and the end.
func (s *stream) write(to io.WriteCloser) error {
	encoder := json.NewEncoder(to)
	finish := s.finish
	for {
		select {
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-finish:
			finish = nil
			if len(s.out) == 0 {
				return to.Close()
			}
		case response := <-s.out:
			if err := encoder.Encode(response); err != nil {
				return fmt.Errorf("the stream of requests broke: %w", err)
			}
			if finish == nil && len(s.out) == 0 {
				return to.Close()
			}
		}
	}
}

func (s *stream) read(in *lines) error {
	for {
		var request agentapi.Request
		if err := in.next(&request); err != nil {
			return fmt.Errorf("the stream of requests ended: %w", err)
		}
		switch {
		case request.ID == "": // an empty line shows that the peer lives
		case request.Cancel:
			s.cancel(request.ID)
		default:
			s.begin(request)
		}
	}
}

// begin starts on a request, or refuses it: then it is the reader itself that
// waits for room in out, so that too many requests cost no memory.
func (s *stream) begin(request agentapi.Request) {
	if !s.admit(request) {
		s.send(agentapi.Response{ID: request.ID, Error: "The zone is answering as many requests as it can; try again in a moment.", Done: true})
	}
}

func (s *stream) admit(request agentapi.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, repeated := s.active[request.ID]; repeated {
		return true
	}
	if len(s.active) >= s.limit {
		return false
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.active[request.ID] = cancel
	s.answering.Go(func() {
		defer s.end(request.ID, cancel)
		s.send(s.answer(ctx, request))
	})
	return true
}

func (s *stream) end(id string, cancel context.CancelFunc) {
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, id)
	if len(s.active) == 0 {
		select {
		case s.idle <- struct{}{}:
		default:
		}
	}
}

func (s *stream) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, found := s.active[id]; found {
		cancel()
	}
}

func (s *stream) send(response agentapi.Response) {
	select {
	case s.out <- response:
	case <-s.ctx.Done():
	}
}

// drain lets the requests in flight end, for a while, and then the stream.
func (s *stream) drain(patience time.Duration) {
	defer s.answering.Wait()
	defer time.AfterFunc(patience, func() { s.stop(ErrSwitched) }).Stop()
	for s.busy() {
		select {
		case <-s.idle:
		case <-s.ctx.Done():
			return
		}
	}
	close(s.finish)
	<-s.ctx.Done()
}

func (s *stream) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.active) > 0
}
