package agenttest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"souk/internal/agentapi"
)

// Want says what is wanted of instances from now on.
func (s *Server) Want(all ...agentapi.Desired) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, wanted := range all {
		if _, known := s.wanted[wanted.ID]; !known {
			s.order = append(s.order, wanted.ID)
		}
		s.wanted[wanted.ID] = wanted
		s.feed = append(s.feed, agentapi.DesiredEvent{Instance: &wanted})
	}
	s.notify()
}

// Say puts lines into the stream that say nothing new of what is wanted: late,
// repeated or reordered ones.
func (s *Server) Say(events ...agentapi.DesiredEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed = append(s.feed, events...)
	s.notify()
}

// AdvanceClock makes Souk's clock run ahead of real time by offset.
func (s *Server) AdvanceClock(offset time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.Offset = offset
	clock := s.clock
	s.feed = append(s.feed, agentapi.DesiredEvent{Clock: &clock})
	s.notify()
}

// Compact makes all tokens handed out so far too old, and ends the streams.
func (s *Server) Compact() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed = append(s.feed, agentapi.DesiredEvent{Heartbeat: true})
	s.oldest = len(s.feed)
	s.notify()
}

// Lists counts how often the whole list was asked for.
func (s *Server) Lists() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}

func (s *Server) desired(w http.ResponseWriter, r *http.Request) {
	out := &lineWriter{to: w, flush: http.NewResponseController(w), silent: s.faults.silent}
	position, tooOld := s.position(r.URL.Query().Get("after"))
	if tooOld {
		problem(w, http.StatusGone, "compacted", "The token is too old; list again.")
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	if out.start() != nil {
		return
	}
	if position < 0 {
		if position = s.list(out); position < 0 {
			return
		}
	}
	s.tail(r.Context(), out, position)
}

// position is where a token resumes; -1 for the whole list.
func (s *Server) position(token string) (position int, tooOld bool) {
	if token == "" {
		return -1, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	position, err := strconv.Atoi(token)
	return position, err != nil || position < s.oldest || position > len(s.feed)
}

func (s *Server) list(out *lineWriter) (position int) {
	s.mu.Lock()
	s.lists++
	s.notify()
	events := []agentapi.DesiredEvent{{Clock: &agentapi.Clock{Offset: s.clock.Offset}}}
	for _, id := range s.order {
		wanted := s.wanted[id]
		events = append(events, agentapi.DesiredEvent{Instance: &wanted})
	}
	position = len(s.feed)
	events = append(events, agentapi.DesiredEvent{Synced: true, Token: strconv.Itoa(position)})
	s.mu.Unlock()
	for _, event := range events {
		if out.line(event) != nil {
			return -1
		}
	}
	return position
}

func (s *Server) tail(ctx context.Context, out *lineWriter, position int) {
	heartbeat := time.NewTicker(s.opt.Heartbeat)
	defer heartbeat.Stop()
	for {
		s.mu.Lock()
		news, changed := s.feed[position:], s.changed
		compacted, epoch := position < s.oldest, s.epoch
		s.mu.Unlock()
		if compacted {
			return
		}
		for _, event := range news {
			position++
			event.Token = strconv.Itoa(position)
			if out.line(event) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.faults.ended:
			return
		case <-heartbeat.C:
			if out.line(agentapi.DesiredEvent{Heartbeat: true}) != nil {
				return
			}
		case <-changed:
		}
		if s.Epoch() != epoch {
			return // superseded: the next request is told so
		}
	}
}

// lineWriter writes JSON lines, each of which leaves at once.
type lineWriter struct {
	to     http.ResponseWriter
	flush  *http.ResponseController
	silent func() bool // true: write nothing, as a dead peer does
	dead   bool        // a line was swallowed: what follows it would hide the gap
}

func (l *lineWriter) start() error {
	l.to.WriteHeader(http.StatusOK)
	return l.flush.Flush()
}

func (l *lineWriter) line(value any) error {
	l.dead = l.dead || l.silent()
	if l.dead {
		return nil
	}
	if err := json.NewEncoder(l.to).Encode(value); err != nil {
		return err
	}
	return l.flush.Flush()
}

// Forget leaves an instance out of lists from now on, without saying so.
func (s *Server) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wanted, id)
	s.order = slices.DeleteFunc(s.order, func(other string) bool { return other == id })
}
