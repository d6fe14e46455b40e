package reconcile

import (
	"context"
	"errors"
	"sync"

	"souk/internal/agentapi"
)

// errOvertaken ends a driver call whose instance is wanted otherwise now.
var errOvertaken = errors.New("something else is wanted of the instance now")

// flights are the driver calls under way, by instance: at most one each.
type flights struct {
	mu sync.Mutex
	by map[string]flight
}

type flight struct {
	intent agentapi.Intent
	cancel context.CancelCauseFunc
}

func (f *flights) begin(ctx context.Context, id string, intent agentapi.Intent) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.by[id] = flight{intent, cancel}
	return ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.by, id)
		cancel(nil)
	}
}

// overtake ends the instance's call if it is for another intent, so that a
// delete does not wait for a creation that hangs.
func (f *flights) overtake(id string, intent agentapi.Intent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call, found := f.by[id]; found && call.intent != intent {
		call.cancel(errOvertaken)
	}
}
