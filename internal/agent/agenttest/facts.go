package agenttest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"souk/internal/agentapi"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// Facts returns the facts accepted in the present epoch, in order.
func (s *Server) Facts() []agentapi.Fact {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.facts)
}

// ExpectOldFolder says that the agent's data folder is older than its reports,
// so that a fact repeated with other content is not held against it.
func (s *Server) ExpectOldFolder() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldFolder = true
}

// Hellos returns what agents have said they can do.
func (s *Server) Hellos() []agentapi.Hello {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hellos)
}

// Await waits until the condition holds; it is looked at after each change. It
// fails the test when that takes too long.
func (s *Server) Await(what string, condition func() bool) {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			s.t.Fatalf("waited in vain until %s; facts so far: %s", what, s.summary())
		}
	}
}

// AwaitFact waits for a fact for which the condition holds, and returns it.
func (s *Server) AwaitFact(what string, condition func(agentapi.Fact) bool) agentapi.Fact {
	s.t.Helper()
	var found agentapi.Fact
	s.Await(what, func() bool {
		for _, fact := range s.Facts() {
			if condition(fact) {
				found = fact
				return true
			}
		}
		return false
	})
	return found
}

func (s *Server) summary() string {
	type line struct {
		Sequence             uint64
		Instance, State, Msg string
	}
	var lines []line
	for _, fact := range s.Facts() {
		lines = append(lines, line{fact.Sequence, fact.InstanceID, string(fact.Observation.State), fact.Observation.Message})
	}
	text, _ := json.Marshal(lines)
	return string(text)
}

func (s *Server) hello(w http.ResponseWriter, r *http.Request) {
	var in agentapi.Hello
	if !s.read(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hellos = append(s.hellos, in)
	s.notify()
	answer(w, agentapi.HelloResponse{Clock: s.clock, Acknowledged: uint64(len(s.facts))})
}

func (s *Server) takeFacts(w http.ResponseWriter, r *http.Request) {
	var in agentapi.FactBatch
	if !s.read(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Epoch != s.epoch {
		s.breach(w, "facts of epoch %d in epoch %d", in.Epoch, s.epoch)
		return
	}
	if len(in.Facts) == 0 || len(in.Facts) > 500 {
		s.breach(w, "a batch of %d facts", len(in.Facts))
		return
	}
	for _, fact := range in.Facts {
		if !s.takeFact(w, fact) {
			return
		}
	}
	s.notify()
	answer(w, agentapi.FactReceipt{Acknowledged: uint64(len(s.facts))})
}

// takeFact accepts a fact once; the lock is held.
func (s *Server) takeFact(w http.ResponseWriter, fact agentapi.Fact) bool {
	known := uint64(len(s.facts))
	switch {
	case fact.Sequence == known+1:
		s.facts = append(s.facts, fact)
	case fact.Sequence > known+1:
		s.breach(w, "fact %d came after %d", fact.Sequence, known)
		return false
	case fact.Sequence == 0:
		s.breach(w, "a fact without a number")
		return false
	case !same(s.facts[fact.Sequence-1], fact):
		if !s.oldFolder {
			s.t.Errorf("fact %d was repeated with other content", fact.Sequence)
		}
		problem(w, http.StatusConflict, agentapi.CodeFactConflict, "Another fact with this number was accepted before.")
		return false
	}
	return true
}

func same(a, b agentapi.Fact) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}
