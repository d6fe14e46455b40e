// Package reconcile makes the instances of a zone what is wanted of them, by a
// driver, and reports what is true of them.
package reconcile

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"souk/internal/agent/store"
	"souk/internal/driver"
)

// Options of a reconciler. All durations are in real time.
type Options struct {
	Driver driver.Driver
	Store  *store.Store
	Logger *slog.Logger

	Concurrency int           // instances worked on at one time
	RetryMin    time.Duration // pause after a first failure of an instance; doubles up to RetryMax
	RetryMax    time.Duration
	Progress    time.Duration // pause before looking again at what progresses by itself
	Resync      time.Duration // in which every instance is looked at once, spread evenly
	Call        time.Duration // for one call of the driver

	// Before is called before something else than before is made of an instance that has
	// run: its engine may end. May be nil.
	Before func(ctx context.Context, id string)
	// ListAgain asks for a whole list of what is wanted, because some of it
	// cannot be read from disk.
	ListAgain func()
}

// Reconciler works on instances, each never twice at once.
type Reconciler struct {
	opt     Options
	lanes   *lanes
	queue   workqueue.TypedRateLimitingInterface[string]
	flights flights
}

// New returns a reconciler that works once it runs.
func New(opt Options) *Reconciler {
	order := newLanes()
	return &Reconciler{
		opt:     opt,
		lanes:   order,
		flights: flights{by: make(map[string]flight)},
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			newRetries(opt.RetryMin, opt.RetryMax),
			workqueue.TypedRateLimitingQueueConfig[string]{
				DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[string]{
					Queue: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[string]{Queue: order}),
				}),
			}),
	}
}

// Changed says that something else is wanted of instances: they go first, and
// what is being done for another intent is given up.
func (r *Reconciler) Changed(ids ...string) {
	for _, id := range ids {
		if work, err := r.opt.Store.Load(id); err == nil {
			r.flights.overtake(id, work.Desired.Intent)
		}
		r.queue.Forget(id)
		r.look(id)
	}
}

// look puts an instance before those that nothing is known to have happened to.
func (r *Reconciler) look(id string) {
	r.lanes.urge(id)
	r.queue.Add(id)
}

// Run works until ctx ends, and then waits for the driver calls under way,
// which end with the context calls. Every instance is looked at once at the
// start, from what is on disk. Engines are left as they are.
func (r *Reconciler) Run(ctx, calls context.Context) error {
	var workers sync.WaitGroup
	for range r.opt.Concurrency {
		workers.Go(func() { r.work(ctx, calls) })
	}
	workers.Go(func() { r.watch(ctx) })
	workers.Go(func() { r.resync(ctx) })
	<-ctx.Done()
	r.queue.ShutDown()
	workers.Wait()
	return context.Cause(ctx)
}

func (r *Reconciler) work(ctx, calls context.Context) {
	for {
		id, down := r.queue.Get()
		if down {
			return
		}
		if ctx.Err() == nil {
			r.plan(id, r.attend(calls, id))
		}
		r.queue.Done(id)
	}
}

// next is what to do about an instance after it was attended to.
type next struct {
	failed bool          // again, after a growing pause
	after  time.Duration // again, after this pause
}

func (r *Reconciler) plan(id string, n next) {
	if n.failed {
		r.queue.AddRateLimited(id)
		return
	}
	r.queue.Forget(id)
	if n.after > 0 {
		r.queue.AddAfter(id, n.after)
	}
}

// watch looks at instances whose state changed by itself.
func (r *Reconciler) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case id, open := <-r.opt.Driver.Events():
			if !open {
				return
			}
			r.look(id)
		}
	}
}
