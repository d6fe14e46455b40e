package zone

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/zone/zonedb"
)

// broker passes requests into zones over the streams that their agents hold open.
type broker struct {
	mu      *sync.Mutex
	streams map[uuid.UUID]*askStream // the newest of each zone
}

// askStream is one agent's open stream.
type askStream struct {
	mu   sync.Mutex // of what follows
	out  *lineWriter
	asks map[string]*ask
	over bool // the request is being answered no more: nothing may be written

	gone chan struct{} // closed when over
}

// ask is one request under way. Its answers are buffered; one who does not read
// them is cancelled rather than holding up the others.
type ask struct {
	responses chan agentapi.Response
}

const askBuffer = 256

func newBroker() broker { return broker{&sync.Mutex{}, map[uuid.UUID]*askStream{}} }

func (z *Zones) serveStream(w http.ResponseWriter, r *http.Request, a agent) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Content-Type", "application/jsonl")
	w.WriteHeader(http.StatusOK)
	s := &askStream{out: newLineWriter(w, z.WriteWithin), asks: map[string]*ask{}, gone: make(chan struct{})}
	if s.out.control.Flush() != nil {
		return
	}
	z.broker.add(a.zone, s)
	defer z.broker.remove(a.zone, s)
	// The handler must not return while the body is being read.
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.receive(r.Body)
	}()
	look := time.NewTicker(z.Heartbeat)
	defer look.Stop()
	for {
		select {
		case <-ended:
			return
		case <-r.Context().Done():
			return
		case <-look.C:
			if !z.stillKnown(r.Context(), a) {
				return
			}
		}
	}
}

// stillKnown says whether the agent has not been superseded or revoked since it
// opened a stream, as far as the record can be asked.
func (z *Zones) stillKnown(ctx context.Context, a agent) bool {
	known := true
	err := z.Store.System(ctx, func(tx store.Tx) error {
		now, err := zonedb.New(tx).Agent(ctx, a.zone)
		known = err != nil || (now.Epoch == a.epoch && now.RevokedAt == nil)
		return err
	})
	if err != nil && ctx.Err() == nil {
		z.Logger.Warn("could not look whether an agent is still known", "zone", a.zone, "error", err)
	}
	return known
}

func (b broker) add(zone uuid.UUID, s *askStream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.streams[zone] = s
}

func (b broker) remove(zone uuid.UUID, s *askStream) {
	b.mu.Lock()
	if b.streams[zone] == s {
		delete(b.streams, zone)
	}
	b.mu.Unlock()
	s.mu.Lock() // waits for a line that is being written
	defer s.mu.Unlock()
	s.over = true
	close(s.gone)
}

// write sends a request to the agent. Called with mu held.
func (s *askStream) write(r agentapi.Request) error {
	if s.over {
		return ErrAway
	}
	return s.out.write(r)
}

// longestResponse bounds one line of an agent.
const longestResponse = 1 << 20

// receive hands responses to those who asked, until the agent's side ends.
func (s *askStream) receive(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestResponse)
	for lines.Scan() {
		var r agentapi.Response
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			return
		}
		s.mu.Lock()
		a := s.asks[r.ID]
		if a != nil && (r.Done || !offer(a.responses, r)) {
			delete(s.asks, r.ID)
			if r.Done {
				offer(a.responses, r)
			} else {
				_ = s.write(agentapi.Request{ID: r.ID, Cancel: true})
			}
			close(a.responses)
		}
		s.mu.Unlock()
	}
}

func offer(to chan agentapi.Response, r agentapi.Response) bool {
	select {
	case to <- r:
		return true
	default:
		return false
	}
}

func (s *askStream) begin(req agentapi.Request) (*ask, error) {
	a := &ask{make(chan agentapi.Response, askBuffer)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks[req.ID] = a
	if err := s.write(req); err != nil {
		delete(s.asks, req.ID)
		return nil, err
	}
	return a, nil
}

func (s *askStream) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asks[id] == nil {
		return
	}
	delete(s.asks, id)
	_ = s.write(agentapi.Request{ID: id, Cancel: true})
}

// ErrAway says that the zone's agent is not connected to this replica.
var ErrAway = &problem.Error{Status: http.StatusServiceUnavailable, Code: "zone-unreachable", Detail: "The zone's agent is not connected now, so its logs cannot be read. Try again in a moment."}

// Logs copies an instance's log lines from its zone into w, as they come.
func (z *Zones) Logs(ctx context.Context, zone uuid.UUID, instanceID string, opt driver.LogOptions, w io.Writer) error {
	err := z.ask(ctx, zone, agentapi.Request{Logs: &agentapi.LogsRequest{InstanceID: instanceID, Options: opt}}, func(r agentapi.Response) error {
		if _, err := w.Write(r.Data); len(r.Data) > 0 && err != nil {
			return errReaderGone
		}
		return nil
	})
	var refusal *refused
	switch {
	case errors.As(err, &refusal):
		return logsError(refusal.Response)
	case errors.Is(err, errReaderGone), ctx.Err() != nil:
		return nil
	}
	return err
}

var errReaderGone = errors.New("the reader has gone")

// refused is a zone's answer that it did not do what it was asked for.
type refused struct{ agentapi.Response }

func (r *refused) Error() string { return r.Response.Error }

// ask passes a request into a zone and hands each line of the answer to take,
// until the answer is complete, ctx ends or take returns an error.
func (z *Zones) ask(ctx context.Context, zone uuid.UUID, request agentapi.Request, take func(agentapi.Response) error) error {
	z.broker.mu.Lock()
	s := z.broker.streams[zone]
	z.broker.mu.Unlock()
	if s == nil {
		return ErrAway
	}
	request.ID = uuid.NewString()
	a, err := s.begin(request)
	if err != nil {
		return ErrAway
	}
	defer s.cancel(request.ID)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.gone:
			return ErrAway
		case r, open := <-a.responses:
			if !open {
				return errors.New("the answer came faster than it was read")
			}
			if r.Error != "" {
				return &refused{r}
			}
			if err := take(r); err != nil || r.Done {
				return err
			}
		}
	}
}

func logsError(r agentapi.Response) error {
	if r.Code == "not-found" {
		return problem.Conflict("no-logs", "There are no logs yet: the instance has not been set up.")
	}
	return &problem.Error{Status: http.StatusBadGateway, Code: "zone-failed", Detail: "The zone could not read the logs: " + r.Error}
}
