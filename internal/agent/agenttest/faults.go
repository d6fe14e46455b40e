package agenttest

import (
	"net/http"
	"net/http/httptest"
	"sync"
)

// faults are the ways in which the control plane is told to fail.
type faults struct {
	state *faultState
	ended chan struct{}
}

type faultState struct {
	sync.Mutex
	away    bool
	quiet   bool
	lost    map[string]int      // by path: answers still to lose
	answers map[string][]status // by path, one a request
	gates   map[string]chan struct{}
}

type status struct {
	code   int
	reason string
}

func newFaults() faults {
	return faults{
		state: &faultState{
			lost: make(map[string]int), answers: make(map[string][]status), gates: make(map[string]chan struct{}),
		},
		ended: make(chan struct{}),
	}
}

func (f faults) end() { close(f.ended) }

// GoAway makes the control plane unreachable: connections break, and every
// request fails, until ComeBack.
func (s *Server) GoAway() {
	s.faults.state.Lock()
	s.faults.state.away = true
	s.faults.state.Unlock()
	s.DropConnections()
}

// ComeBack ends GoAway.
func (s *Server) ComeBack() {
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	s.faults.state.away = false
}

// DropConnections breaks all connections, once.
func (s *Server) DropConnections() { s.http.CloseClientConnections() }

// GoQuiet makes the control plane a dead peer: connections stand, and nothing
// comes over desired streams, until it speaks again. A stream that swallowed
// something stays silent: what it would say next would hide the gap.
func (s *Server) GoQuiet(quiet bool) {
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	s.faults.state.quiet = quiet
}

// Answer makes the next n requests to a path fail with a status and a code.
func (s *Server) Answer(path string, n, code int, reason string) {
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	for range n {
		s.faults.state.answers[path] = append(s.faults.state.answers[path], status{code, reason})
	}
}

// Recover ends what Answer began.
func (s *Server) Recover() {
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	clear(s.faults.state.answers)
}

// LoseAnswers carries out the next n requests to a path without the agent
// hearing of it. It is not for the streams.
func (s *Server) LoseAnswers(path string, n int) {
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	s.faults.state.lost[path] = n
}

// Hold keeps requests to a path waiting until the returned function is called.
func (s *Server) Hold(path string) (release func()) {
	gate := make(chan struct{})
	s.faults.state.Lock()
	defer s.faults.state.Unlock()
	s.faults.state.gates[path] = gate
	return sync.OnceFunc(func() {
		s.faults.state.Lock()
		defer s.faults.state.Unlock()
		delete(s.faults.state.gates, path)
		close(gate)
	})
}

func (f faults) silent() bool {
	f.state.Lock()
	defer f.state.Unlock()
	return f.state.quiet
}

// verdict is what becomes of one request.
type verdict struct {
	away    bool
	lost    bool
	gate    <-chan struct{}
	failure *status
}

func (f faults) judge(path string) verdict {
	f.state.Lock()
	defer f.state.Unlock()
	v := verdict{away: f.state.away, gate: f.state.gates[path]}
	if planned := f.state.answers[path]; len(planned) > 0 && !v.away {
		v.failure, f.state.answers[path] = &planned[0], planned[1:]
	}
	if f.state.lost[path] > 0 && !v.away && v.failure == nil {
		v.lost = true
		f.state.lost[path]--
	}
	return v
}

// around applies the faults to each request.
func (f faults) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := f.judge(r.URL.Path)
		if v.away || !f.pass(r, v.gate) {
			panic(http.ErrAbortHandler)
		}
		if v.failure != nil {
			problem(w, v.failure.code, v.failure.reason, "The test said so.")
			return
		}
		if v.lost {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

func (f faults) pass(r *http.Request, gate <-chan struct{}) bool {
	if gate == nil {
		return true
	}
	select {
	case <-gate:
		return r.Context().Err() == nil
	case <-r.Context().Done():
		return false
	case <-f.ended:
		return false
	}
}
