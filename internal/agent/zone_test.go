package agent_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"souk/internal/driver"
)

// zone is a driver whose instances are records in memory, with hooks to make
// any call fail, wait or be counted.
type zone struct {
	mu        sync.Mutex
	instances map[string]driver.Observation
	calls     []string // "ensure ID", "stop ID", "remove ID"
	busy      map[string]bool
	overlap   bool // two calls for one instance at one time
	ails      int  // so often an instance is found ailing, until it is well by itself
	events    chan string
	info      driver.Info

	// before runs at the start of each call, outside the lock; what it returns
	// ends the call.
	before func(ctx context.Context, call, id string) error
	logs   func(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error)
}

func newZone() *zone {
	return &zone{
		instances: make(map[string]driver.Observation),
		busy:      make(map[string]bool),
		events:    make(chan string, 16),
		info:      driver.Info{Driver: "fake", Isolation: "shared", Simulated: true},
		before:    func(context.Context, string, string) error { return nil },
	}
}

func (z *zone) enter(ctx context.Context, call, id string) (func(), error) {
	z.mu.Lock()
	z.calls = append(z.calls, call+" "+id)
	z.overlap = z.overlap || z.busy[id]
	z.busy[id] = true
	before := z.before
	z.mu.Unlock()
	leave := func() {
		z.mu.Lock()
		defer z.mu.Unlock()
		delete(z.busy, id)
	}
	entered := false
	defer func() {
		if !entered {
			leave()
		}
	}()
	if err := before(ctx, call, id); err != nil {
		return nil, err
	}
	entered = true
	return leave, nil
}

func (z *zone) Info(context.Context) (driver.Info, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.info, nil
}

func (z *zone) setInfo(info driver.Info) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.info = info
}

func (z *zone) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	leave, err := z.enter(ctx, "ensure", want.ID)
	if err != nil {
		return driver.Observation{}, err
	}
	defer leave()
	z.mu.Lock()
	defer z.mu.Unlock()
	if _, exists := z.instances[want.ID]; want.HeldData && !exists {
		return driver.Observation{}, driver.ErrDataLost
	}
	seen := driver.Observation{
		State: driver.StateRunning, Generation: want.Generation, Plan: want.Plan, StorageGiB: want.StorageGiB,
		Endpoint: &driver.Endpoint{Host: "127.0.0.1", Port: 5432},
	}
	if z.ails > 0 {
		z.ails--
		seen.State = driver.StateDegraded
	}
	z.instances[want.ID] = seen
	return seen, nil
}

func (z *zone) Stop(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	leave, err := z.enter(ctx, "stop", want.ID)
	if err != nil {
		return driver.Observation{}, err
	}
	defer leave()
	z.mu.Lock()
	defer z.mu.Unlock()
	seen, exists := z.instances[want.ID]
	seen.State, seen.Generation = driver.StateStopped, want.Generation
	if exists {
		z.instances[want.ID] = seen
	}
	return seen, nil
}

func (z *zone) Remove(ctx context.Context, id string) error {
	leave, err := z.enter(ctx, "remove", id)
	if err != nil {
		return err
	}
	defer leave()
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.instances, id)
	return nil
}

func (z *zone) Observe(_ context.Context, id string) (driver.Observation, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	seen, exists := z.instances[id]
	if !exists {
		return driver.Observation{}, driver.ErrNotFound
	}
	return seen, nil
}

func (z *zone) List(context.Context) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Collect(maps.Keys(z.instances)), nil
}

func (z *zone) Logs(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error) {
	if z.logs != nil {
		return z.logs(ctx, id, opt)
	}
	if _, err := z.Observe(ctx, id); err != nil {
		return nil, err
	}
	return io.NopCloser(strings.NewReader("a line\n")), nil
}

func (z *zone) Events() <-chan string { return z.events }

func (z *zone) hook(before func(ctx context.Context, call, id string) error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.before = before
}

func (z *zone) count(call string) int {
	z.mu.Lock()
	defer z.mu.Unlock()
	n := 0
	for _, c := range z.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (z *zone) lose(id string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.instances, id)
}

func (z *zone) ids() []string {
	ids, _ := z.List(context.Background())
	return ids
}

// set changes the state of an instance behind the agent's back.
func (z *zone) set(id string, state driver.State) {
	z.mu.Lock()
	defer z.mu.Unlock()
	seen := z.instances[id]
	seen.State = state
	z.instances[id] = seen
}
