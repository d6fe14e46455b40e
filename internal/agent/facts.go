package agent

import (
	"context"
	"errors"
	"fmt"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// maxBatch is the most facts in one request.
const maxBatch = agentapi.MaxFacts

// send empties the outbox whenever something is in it.
func (s *session) send(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.store.Outbox():
		}
		if err := s.attempt(ctx, "report facts", s.sendAll); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

func (s *session) sendAll(ctx context.Context, well func()) error {
	for {
		facts, err := s.store.Facts(maxBatch)
		if len(facts) == 0 {
			var corrupt *store.CorruptError
			if errors.As(err, &corrupt) {
				err = s.refill(ctx, corrupt)
			}
			if err != nil {
				return err
			}
			if corrupt == nil {
				return nil
			}
			continue
		}
		if err := s.sendBatch(ctx, facts); err != nil {
			return err
		}
		well()
	}
}

func (s *session) sendBatch(ctx context.Context, facts []agentapi.Fact) error {
	receipt, err := s.client.Facts(ctx, agentapi.FactBatch{Epoch: s.identity().Epoch, Facts: facts})
	if err != nil {
		return err
	}
	if receipt.Acknowledged < facts[0].Sequence {
		return fmt.Errorf("the control plane acknowledged fact %d although %d was sent", receipt.Acknowledged, facts[0].Sequence)
	}
	return s.store.Acknowledge(receipt.Acknowledged)
}

// refill deals with the oldest fact, which cannot be read. When the control
// plane has it already, it is forgotten; or else it is replaced by what is true
// of its instance now: the numbering must not have a gap, and the control plane
// then knows at least where the instance has arrived.
func (s *session) refill(ctx context.Context, corrupt *store.CorruptError) error {
	s.log.Error("a report cannot be read from disk; if the control plane has not got it yet, the present state is reported in its place", "fact", corrupt.Key, "error", corrupt)
	if err := s.learnAcknowledged(ctx); err != nil {
		return err
	}
	sequence, id, found, err := s.store.Unreadable()
	if err != nil || !found {
		return err
	}
	seen, err := s.driver.Observe(ctx, id)
	if errors.Is(err, driver.ErrNotFound) {
		seen, err = s.notThere(id), nil
	}
	if err != nil {
		return fmt.Errorf("observe instance %s: %w", id, err)
	}
	return s.store.Refill(sequence, id, seen)
}

func (s *session) learnAcknowledged(ctx context.Context) error {
	info, err := s.driver.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask the driver what the zone can do: %w", err)
	}
	answer, err := s.hello(ctx, info)
	if err != nil {
		return err
	}
	return s.store.Acknowledge(answer.Acknowledged)
}

// notThere is what to report of an instance that the driver does not know: it
// was removed as wanted, or it has yet to be made or to be found missing.
func (s *session) notThere(id string) driver.Observation {
	if _, err := s.store.Load(id); errors.Is(err, store.ErrNotCached) {
		return driver.Observation{State: driver.StateGone}
	}
	return driver.Observation{State: driver.StateCreating}
}
