// Package backups takes the backups of a zone's instances when they are due or
// asked for, whether or not the control plane can be reached, and reports them.
//
// What has been taken is known from the place of backups itself, where each
// carries the ID that it was ordered by; nothing is remembered that a restart
// could lose, and nothing is taken twice.
package backups

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// Options of a Keeper. All durations are in real time.
type Options struct {
	Driver driver.BackupKeeper
	Runner driver.Driver // runs what drills restore
	Store  *store.Store
	Logger *slog.Logger
	Now    func() time.Time // the machine's clock

	RetryMin time.Duration // pause after a first failure of an instance; doubles up to RetryMax
	RetryMax time.Duration
	Progress time.Duration // pause before looking again at an instance that does not run yet
	Look     time.Duration // after which the place of backups is looked at again
	First    time.Duration // within which an instance that has no backup yet gets one
	// Lead is for how long, at most, a drill writes canaries before it restores, so
	// that what would be lost can be measured, and Canary the time between them.
	Lead, Canary time.Duration
}

// atOnce is how many backups are taken at one time in a zone.
const atOnce = 2

// longest is what one backup may take.
const longest = 12 * time.Hour

// reportAgain is after how long what has not changed is reported again.
const reportAgain = time.Hour

// Keeper works on the backups of instances, each never twice at once.
type Keeper struct {
	opt   Options
	queue queue
	// drills are worked on beside the backups, one at a time in a zone.
	drills queue
	tries  drillTries

	mu     sync.Mutex
	states map[string]*state
}

// state is what is remembered of an instance while the agent runs.
type state struct {
	seen     time.Time // when it was first looked at
	failures map[string]int
	reported agentapi.BackupFact
	at       time.Time // of the report
}

// New returns a keeper that works once it runs.
func New(opt Options) *Keeper {
	fresh := func() queue {
		return workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](opt.RetryMin, opt.RetryMax))
	}
	return &Keeper{opt: opt, states: map[string]*state{}, queue: fresh(), drills: fresh()}
}

// Changed says that something else is wanted of instances.
func (k *Keeper) Changed(ids ...string) {
	for _, id := range ids {
		k.queue.Forget(id)
		k.queue.Add(id)
		k.drills.Add(id)
	}
}

// ClockMoved says that Souk's clock has been moved, by which backups are due.
func (k *Keeper) ClockMoved() {
	ids, err := k.opt.Store.IDs()
	if err != nil {
		k.opt.Logger.Error("the list of instances cannot be read from disk", "error", err)
	}
	k.Changed(ids...)
}

// Run works until ctx ends. What is being taken then is given up, and taken anew
// by the next agent.
func (k *Keeper) Run(ctx context.Context) error {
	k.ClockMoved()
	k.drills.Add("") // what a drill has left behind is removed, whether or not another is wanted
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() { work(ctx, k.queue, k.attend) })
	}
	workers.Go(func() { work(ctx, k.drills, k.drill) })
	<-ctx.Done()
	k.queue.ShutDown()
	k.drills.ShutDown()
	workers.Wait()
	return context.Cause(ctx)
}

// queue holds the IDs of instances that are to be attended to.
type queue = workqueue.TypedRateLimitingInterface[string]

func work(ctx context.Context, q queue, attend func(context.Context, string) next) {
	for {
		id, down := q.Get()
		if down {
			return
		}
		if ctx.Err() == nil {
			plan(q, id, attend(ctx, id))
		}
		q.Done(id)
	}
}

// next is what to do about an instance after it was attended to.
type next struct {
	failed bool          // again, after a growing pause
	after  time.Duration // again, after this pause; 0: once something else is wanted
}

func plan(q queue, id string, n next) {
	if n.failed {
		q.AddRateLimited(id)
		return
	}
	q.Forget(id)
	if n.after > 0 {
		q.AddAfter(id, n.after)
	}
}

func (k *Keeper) state(id string) *state {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.states[id]
	if s == nil {
		s = &state{seen: k.opt.Now(), failures: map[string]int{}}
		k.states[id] = s
	}
	return s
}

func (k *Keeper) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.states, id)
}

// firstAfter is how long an instance waits for its first backup: those of one
// moment do not all begin at once.
func (k *Keeper) firstAfter(id string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return time.Duration(h.Sum64() % uint64(max(k.opt.First, 1)))
}
