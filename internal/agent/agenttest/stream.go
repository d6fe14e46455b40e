package agenttest

import (
	"encoding/json"
	"net/http"
	"slices"

	"souk/internal/agentapi"
)

// askStream is one agent's open stream of requests.
type askStream struct {
	requests chan agentapi.Request
	asked    map[string]bool // IDs of requests without a last response; the server's lock guards it
}

// Ask puts a request to the agent over its newest stream, waiting for one, and
// returns the channel on which the responses come; it is closed after the last
// one, or when the stream that the request went out on breaks.
func (s *Server) Ask(request agentapi.Request) <-chan agentapi.Response {
	s.t.Helper()
	responses := make(chan agentapi.Response, 1024)
	s.Await("the agent has opened a stream of requests", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.streams) == 0 {
			return false
		}
		s.asks[request.ID] = responses
		s.newest().asked[request.ID] = true
		s.newest().requests <- request
		return true
	})
	return responses
}

// Cancel says that nobody waits for a request's answer any more.
func (s *Server) Cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.streams {
		if open.asked[id] {
			open.requests <- agentapi.Request{ID: id, Cancel: true}
		}
	}
}

// Streams counts the agent's open streams of requests.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

func (s *Server) newest() *askStream { return s.streams[len(s.streams)-1] }

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex()
	out := &lineWriter{to: w, flush: control, silent: func() bool { return false }}
	if out.start() != nil {
		return
	}
	open := &askStream{requests: make(chan agentapi.Request, 1024), asked: make(map[string]bool)}
	s.mu.Lock()
	s.streams = append(s.streams, open)
	s.notify()
	s.mu.Unlock()
	defer s.forget(open)
	ended := make(chan struct{})
	go s.readResponses(r, open, ended)
	for {
		select {
		case <-ended:
			return
		case <-r.Context().Done():
			<-ended
			return
		case <-s.faults.ended:
			return
		case request := <-open.requests:
			if out.line(request) != nil {
				return
			}
		}
	}
}

func (s *Server) forget(gone *askStream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = slices.DeleteFunc(s.streams, func(open *askStream) bool { return open == gone })
	for id := range gone.asked {
		s.hangUp(gone, id)
	}
	s.notify()
}

// readResponses hands responses to those who asked. It reads on whatever they
// do: one slow reader must not hold up the others.
func (s *Server) readResponses(r *http.Request, from *askStream, ended chan<- struct{}) {
	defer close(ended)
	decoder := json.NewDecoder(r.Body)
	for {
		var response agentapi.Response
		if decoder.Decode(&response) != nil {
			return
		}
		s.mu.Lock()
		to, found := s.asks[response.ID]
		s.mu.Unlock()
		if !found {
			s.t.Errorf("the agent answered a request that nobody made: %q", response.ID)
			continue
		}
		to <- response
		if response.Done {
			s.mu.Lock()
			s.hangUp(from, response.ID)
			s.mu.Unlock()
		}
	}
}

// hangUp ends a request; the lock is held.
func (s *Server) hangUp(from *askStream, id string) {
	delete(from.asked, id)
	if to, found := s.asks[id]; found {
		close(to)
		delete(s.asks, id)
	}
}
