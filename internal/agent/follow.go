package agent

import (
	"context"
	"errors"
	"slices"

	"souk/internal/agent/link"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
)

// errListNeeded ends a stream because some of what it said before was lost.
var errListNeeded = errors.New("the whole list is needed")

// follow takes up what is wanted, for as long as the agent runs.
func (s *session) follow(ctx context.Context) error {
	return s.attempt(ctx, "follow what is wanted", s.followOnce)
}

func (s *session) followOnce(ctx context.Context, well func()) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	token := s.store.Token()
	listing := store.Listing(token == "")
	if !listing {
		go s.endWhenListNeeded(ctx, stop)
	}
	err := s.client.Follow(ctx, token, func(events []agentapi.DesiredEvent) error {
		well()
		before := listing
		if err := s.takeUp(events, &listing); err != nil {
			return err
		}
		if before && !listing {
			discard(s.listAgain) // this was the list
			go s.endWhenListNeeded(ctx, stop)
			s.work.Orphans(ctx)
		}
		return nil
	})
	tooOld := errors.Is(err, link.ErrListAgain) && token != ""
	if !tooOld && !errors.Is(err, errListNeeded) {
		return err
	}
	s.log.Info("the whole list of what is wanted is asked for", "reason", err)
	if err := s.store.ForgetToken(); err != nil {
		return err
	}
	return errAgain
}

// endWhenListNeeded ends a stream that goes on from a token, when a list is
// asked for.
func (s *session) endWhenListNeeded(ctx context.Context, stop context.CancelCauseFunc) {
	select {
	case <-s.listAgain:
		stop(errListNeeded)
	case <-ctx.Done():
	}
}

// takeUp makes events durable and has the instances concerned attended to.
func (s *session) takeUp(events []agentapi.DesiredEvent, listing *store.Listing) error {
	changed, err := s.store.Apply(events, listing)
	if err != nil {
		return err
	}
	s.work.Changed(changed...)
	if s.probes != nil {
		s.probes.Changed(changed...)
	}
	moved := slices.ContainsFunc(events, func(e agentapi.DesiredEvent) bool { return e.Clock != nil })
	if s.counters != nil && moved {
		s.counters.ClockMoved()
	}
	if s.backups == nil {
		return nil
	}
	s.backups.Changed(changed...)
	if moved {
		s.backups.ClockMoved()
	}
	return nil
}
