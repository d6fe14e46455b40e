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
	Store  *store.Store
	Logger *slog.Logger
	Now    func() time.Time // the machine's clock

	RetryMin time.Duration // pause after a first failure of an instance; doubles up to RetryMax
	RetryMax time.Duration
	Progress time.Duration // pause before looking again at an instance that does not run yet
	Look     time.Duration // after which the place of backups is looked at again
	First    time.Duration // within which an instance that has no backup yet gets one
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
	queue workqueue.TypedRateLimitingInterface[string]

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
	return &Keeper{opt: opt, states: map[string]*state{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](opt.RetryMin, opt.RetryMax))}
}

// Changed says that something else is wanted of instances.
func (k *Keeper) Changed(ids ...string) {
	for _, id := range ids {
		k.queue.Forget(id)
		k.queue.Add(id)
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
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() { k.work(ctx) })
	}
	<-ctx.Done()
	k.queue.ShutDown()
	workers.Wait()
	return context.Cause(ctx)
}

func (k *Keeper) work(ctx context.Context) {
	for {
		id, down := k.queue.Get()
		if down {
			return
		}
		if ctx.Err() == nil {
			k.plan(id, k.attend(ctx, id))
		}
		k.queue.Done(id)
	}
}

// next is what to do about an instance after it was attended to.
type next struct {
	failed bool          // again, after a growing pause
	after  time.Duration // again, after this pause; 0: once something else is wanted
}

func (k *Keeper) plan(id string, n next) {
	if n.failed {
		k.queue.AddRateLimited(id)
		return
	}
	k.queue.Forget(id)
	if n.after > 0 {
		k.queue.AddAfter(id, n.after)
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
