// Package probe tries the instances of a zone as their clients use them, and
// reports for how long each was up and down. What could not be measured is not
// reported: it is neither.
package probe

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// Options of a Prober.
type Options struct {
	Driver driver.Prober
	Store  *store.Store
	Now    func() time.Time // the machine's clock
	Logger *slog.Logger
}

const (
	// look is how often it is looked whether there is something to report.
	look = time.Second
	// again is how often the list of instances is looked through.
	again = 10 * time.Second
	// soonest and latest bound after how long what goes on unchanged is reported: the
	// longer it has, the later. What is killed with the agent is not more than that.
	soonest    = 10 * time.Second
	latestUp   = 5 * time.Minute
	latestDown = 30 * time.Second
)

// Prober tries instances.
type Prober struct {
	Options
	changed chan struct{} // has a token when something else may be wanted

	mu      sync.Mutex
	targets map[string]*target
	pending map[string]bool // to be looked at
}

// New returns a prober that works once it runs.
func New(o Options) *Prober {
	return &Prober{Options: o, changed: make(chan struct{}, 1), targets: map[string]*target{}, pending: map[string]bool{}}
}

// Changed says that something else is wanted of instances.
func (p *Prober) Changed(ids ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.pending[id] = true
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Run tries until ctx ends, and then reports what it has found out.
func (p *Prober) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	defer p.end()
	var last time.Time
	for {
		if now := p.Now(); now.Sub(last) >= again {
			last = now
			p.lookThrough()
		}
		p.attend(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-p.changed:
		case <-tick.C:
			p.report(false)
		}
	}
}

// lookThrough has all instances looked at that are not tried yet.
func (p *Prober) lookThrough() {
	ids, err := p.Store.IDs()
	if err != nil {
		p.Logger.Error("the list of instances cannot be read from disk, so that those that are new are not tried", "error", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if p.targets[id] == nil {
			p.pending[id] = true
		}
	}
}

// attend begins to try what is to be tried, anew where something else is wanted of
// it, and ends the rest.
func (p *Prober) attend(ctx context.Context) {
	p.mu.Lock()
	ids := p.pending
	p.pending = map[string]bool{}
	p.mu.Unlock()
	for id := range ids {
		probe, err := p.wanted(ctx, id)
		if err != nil && ctx.Err() == nil {
			p.Logger.Warn("an instance cannot be tried now", "instance", id, "error", err)
		}
		p.mu.Lock()
		t := p.targets[id]
		p.mu.Unlock()
		if t != nil {
			t.stop()
		}
		switch {
		case probe == nil && t != nil:
			t.leave()
			p.flush(t, true)
			p.mu.Lock()
			delete(p.targets, id)
			p.mu.Unlock()
		case probe != nil:
			p.mu.Lock()
			if t == nil {
				t = &target{id: id, now: p.Now, offset: p.Store.Offset}
				p.targets[id] = t
			}
			p.mu.Unlock()
			t.start(ctx, probe)
		}
	}
}

// wanted is how an instance is to be tried now; nil: it is not.
func (p *Prober) wanted(ctx context.Context, id string) (*driver.Probe, error) {
	work, err := p.Store.Load(id)
	if errors.Is(err, store.ErrNotCached) {
		return nil, nil
	}
	if err != nil || work.Desired.Intent != agentapi.IntentActive {
		return nil, err
	}
	if work.Reported == nil || !work.Reported.Ran { // it is being made: look again soon
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pending[id] = true
		return nil, nil
	}
	probe, err := p.Driver.Probe(ctx, work.Desired.Instance)
	if errors.Is(err, driver.ErrNotFound) {
		return nil, nil
	}
	return probe, err
}

// end stops everything and reports what is left.
func (p *Prober) end() {
	p.mu.Lock()
	var stopping sync.WaitGroup
	for _, t := range p.targets {
		stopping.Go(func() { t.stop(); t.leave() })
	}
	p.mu.Unlock()
	stopping.Wait()
	p.report(true)
}

// report puts what is due into the outbox, or all.
func (p *Prober) report(all bool) {
	p.mu.Lock()
	targets := make([]*target, 0, len(p.targets))
	for _, t := range p.targets {
		targets = append(targets, t)
	}
	p.mu.Unlock()
	for _, t := range targets {
		p.flush(t, all)
	}
}

// flush reports one instance's spans, if that is due. What cannot be written now is
// kept for the next time.
func (p *Prober) flush(t *target, all bool) {
	for _, s := range t.due(all) {
		if err := p.Store.ReportSLI(t.id, s); err != nil {
			if !errors.Is(err, store.ErrClosed) {
				p.Logger.Error("for how long an instance was up cannot be written to disk; it is tried again", "instance", t.id, "error", err)
			}
			return
		}
		t.reported(s)
	}
}

// offsetWithin spreads the tries of many instances over a pause.
func offsetWithin(id string, pause time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return time.Duration(h.Sum64() % uint64(max(pause, 1)))
}
