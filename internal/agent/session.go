package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"souk/internal/agent/backups"
	"souk/internal/agent/counters"
	"souk/internal/agent/identity"
	"souk/internal/agent/link"
	"souk/internal/agent/probe"
	"souk/internal/agent/reconcile"
	"souk/internal/agent/store"
	"souk/internal/driver"
)

// session is what runs side by side under one enrolment.
type session struct {
	*agent
	store     *store.Store
	client    *link.Client
	work      *reconcile.Reconciler
	backups   *backups.Keeper     // nil where the driver keeps none
	probes    *probe.Prober       // nil where the driver cannot try instances
	counters  *counters.Collector // nil where the driver counts nothing
	greeted   chan struct{}       // closed after the first hello
	listAgain chan struct{}       // has a token when the whole list is needed
	renew     chan struct{}       // has a token when the certificate was refused

	mu sync.Mutex
	id *identity.Identity
}

func newSession(a *agent, id *identity.Identity, records *store.Store, client *link.Client) *session {
	s := &session{
		agent: a, store: records, client: client, id: id,
		greeted: make(chan struct{}), listAgain: make(chan struct{}, 1), renew: make(chan struct{}, 1),
	}
	if keeper, ok := a.driver.(driver.BackupKeeper); ok {
		s.backups = backups.New(a.backupOptions(keeper, records))
	}
	if prober, ok := a.driver.(driver.Prober); ok {
		s.probes = probe.New(probe.Options{Driver: prober, Store: records, Now: a.deps.Clock, Logger: a.log})
	}
	if counting, ok := a.driver.(driver.Counting); ok {
		s.counters = counters.New(counters.Options{Driver: counting, Records: records, Interval: time.Duration(a.config.Timeouts.Count), Now: a.deps.Clock, Logger: a.log})
	}
	work := a.reconcileOptions(records, func() { signal(s.listAgain) })
	if s.counters != nil {
		work.Before = s.counters.Read
	}
	s.work = reconcile.New(work)
	return s
}

// run works until ctx ends or something ends the agent for good. Work on
// instances begins at once, from disk; what needs the control plane begins when
// it has been greeted.
func (s *session) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	calls, endCalls := context.WithCancelCause(context.WithoutCancel(ctx))
	defer endCalls(nil)
	context.AfterFunc(ctx, func() {
		time.AfterFunc(time.Duration(s.config.Timeouts.Shutdown), func() { endCalls(context.Canceled) })
	})
	if err := s.checkCache(); err != nil {
		return err
	}
	var parts sync.WaitGroup
	start := func(part func(context.Context) error) {
		parts.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				stop(err)
				endCalls(err)
			}
		})
	}
	start(func(ctx context.Context) error { return s.work.Run(ctx, calls) })
	if s.backups != nil {
		start(s.backups.Run)
	}
	if s.probes != nil {
		start(s.probes.Run)
	}
	if s.counters != nil {
		start(s.counters.Run)
	}
	start(s.keepCertificate)
	start(s.greet)
	start(s.afterGreeting(s.follow))
	start(s.afterGreeting(s.send))
	start(s.afterGreeting(s.serve))
	if err := s.startMetrics(start); err != nil {
		return err
	}
	parts.Wait()
	return context.Cause(ctx)
}

func (s *session) afterGreeting(part func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-s.greeted:
			return part(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// checkCache names what cannot be read of the cache and has the list sent anew.
func (s *session) checkCache() error {
	damaged, err := s.store.Damaged()
	if err != nil {
		return err
	}
	for _, value := range damaged {
		s.log.Error("what is wanted of an instance cannot be read from disk; it is left as it is, and the whole list is asked for", "instance", value.Key, "error", value)
	}
	if len(damaged) > 0 {
		return s.store.ForgetToken()
	}
	return nil
}

// identity is the one in use now.
func (s *session) identity() *identity.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// attempt repeats what needs the control plane, with growing pauses, until it
// succeeds, ctx ends or the agent has to. once calls well when the control plane
// turns out to be there.
func (s *session) attempt(ctx context.Context, what string, once func(ctx context.Context, well func()) error) error {
	backoff := s.backoff()
	for ctx.Err() == nil {
		err := once(ctx, backoff.Reset)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if end := s.judge(err); end != nil {
			return end
		}
		if errors.Is(err, link.ErrSwitched) || errors.Is(err, errAgain) {
			continue
		}
		s.log.Warn("the control plane could not be used; trying again", "what", what, "error", err)
		if backoff.Wait(ctx) != nil {
			break
		}
	}
	return nil
}

// errAgain has an attempt repeated at once.
var errAgain = errors.New("again")

// judge returns the error that ends the agent, if err is one; a refused
// certificate is renewed.
func (s *session) judge(err error) error {
	switch {
	case errors.Is(err, link.ErrSuperseded):
		return s.fatal(s.identity(), identity.Superseded)
	case errors.Is(err, store.ErrAhead), errors.Is(err, link.ErrConflict):
		return s.fatal(s.identity(), identity.Stale)
	case errors.Is(err, errEnrolAgain):
		return err
	case errors.Is(err, link.ErrRefused):
		signal(s.renew)
	}
	return nil
}

func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func discard(from <-chan struct{}) {
	select {
	case <-from:
	default:
	}
}
