package agent

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// greet says hello at the start, and again whenever what the zone can do has
// changed.
func (s *session) greet(ctx context.Context) error {
	var said driver.Info
	greeted := false
	for {
		err := s.attempt(ctx, "say hello", func(ctx context.Context, _ func()) error {
			info, err := s.driver.Info(ctx)
			if err != nil {
				return fmt.Errorf("ask the driver what the zone can do: %w", err)
			}
			if greeted && reflect.DeepEqual(info, said) {
				return nil
			}
			answer, err := s.hello(ctx, info)
			if err != nil {
				return err
			}
			said = info
			if greeted {
				return nil
			}
			return s.store.Confirm(answer.Acknowledged)
		})
		if err != nil || ctx.Err() != nil {
			return err
		}
		if !greeted {
			greeted = true
			close(s.greeted)
		}
		if !s.rest(ctx) {
			return nil
		}
	}
}

func (s *session) hello(ctx context.Context, info driver.Info) (*agentapi.HelloResponse, error) {
	answer, err := s.client.Hello(ctx, agentapi.Hello{
		Version: s.deps.Version, Protocol: agentapi.ProtocolVersion, BootID: s.bootID, Info: info,
	})
	if err != nil {
		return nil, err
	}
	return answer, s.store.RaiseOffset(answer.Clock.Offset)
}

// rest pauses between two looks at what changes seldom; false when ctx ended.
func (s *session) rest(ctx context.Context) bool {
	timer := time.NewTimer(time.Duration(s.config.Timeouts.Check))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
