package process

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// unit is what the driver knows of one instance. Calls for an instance come one
// at a time; the watcher and the measuring come between.
type unit struct {
	id string

	backups sync.Mutex // one piece of work on its backups at a time

	mu     sync.Mutex
	record record
	known  bool // the record is on disk
	place  supervisor.Place

	// applied is the digest of what was last carried out in full, since this
	// process began: after a start of the agent everything is gone over once.
	applied   digest
	connected bool // a shim answers
	status    shim.Status
	answered  int       // process ID of the engine that was last found to serve
	version   string    // of that engine, or of the last one that told
	renewAt   time.Time // of its certificate
	issued    time.Time // when the certificate ends that was written last
	certified time.Time // when that ends which is in force; zero: not known
	ended     time.Time // when the engine was told to end, to be started again; zero: it was not
	storage   storage
	watcher   *watcher

	inCall bool   // a call is under way, whose outcome its caller gets
	told   string // what the last caller was told, or the last event was about
}

// digest stands for all that is wanted of an instance. It is kept in memory
// only, for passwords go into it.
type digest [sha256.Size]byte

func digestOf(want driver.Instance, readOnly bool) (digest, error) {
	want.Generation, want.HeldData = 0, false
	text, err := json.Marshal(struct {
		Want     driver.Instance
		ReadOnly bool
	}{want, readOnly})
	return sha256.Sum256(text), err
}

func (u *unit) isKnown() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.known
}

// setRenewal notes when a certificate that is written is to be renewed, and ends. It
// is in force once all else is carried out as well; inForce says that it is already.
func (u *unit) setRenewal(at, ends time.Time, inForce bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.renewAt, u.issued = at, ends
	if inForce {
		u.certified = ends
	}
}

// interrupt notes that the engine is told to end, to be started again.
func (u *unit) interrupt(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended.IsZero() {
		u.ended = at
	}
}

// interrupted returns how the interruption that was noted ended, if there was one.
func (u *unit) interrupted(generation int64, now time.Time) (driver.Interruption, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := driver.Interruption{Generation: generation, From: u.ended.UTC(), Until: now.UTC()}
	u.ended = time.Time{}
	return i, !i.From.IsZero()
}

func (u *unit) client() *shim.Client {
	u.mu.Lock()
	defer u.mu.Unlock()
	return shim.NewClient(u.place.Folder)
}

// call marks a call as under way until the function returned is called.
func (u *unit) call() func() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.inCall = true
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.inCall = false
		u.told = u.summary()
	}
}

// summary is what an event is worth when it changes. Called with mu held.
func (u *unit) summary() string {
	if !u.connected {
		return "unwatched"
	}
	text := string(u.status.State)
	if u.storage.full(u.record) != u.record.Full {
		text += " storage"
	}
	if u.storage.diskFull {
		text += " disk"
	}
	return text
}

// news says whether something has changed that nobody was told of yet, and
// takes it as told. Called with mu held.
func (u *unit) news() bool {
	now := u.summary()
	if u.inCall || u.record.Stopped || now == u.told {
		return false
	}
	u.told = now
	return true
}

// heard takes in a status. One older than what is known is dropped.
func (u *unit) heard(status shim.Status) (news bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.connected && status.ShimPID == u.status.ShimPID && status.Since.Before(u.status.Since) {
		return false
	}
	u.connected, u.status = true, status
	return u.news()
}

func (u *unit) lost() (news bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.connected = false
	return u.news()
}

// watcher follows the status of one shim.
type watcher struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// watch follows the instance's shim until it ends, unless that is done already.
func (d *Driver) watch(u *unit) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.watcher != nil {
		select {
		case <-u.watcher.ended:
		default:
			return
		}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	w := &watcher{cancel: cancel, ended: make(chan struct{})}
	u.watcher = w
	client := shim.NewClient(u.place.Folder)
	d.wait.Go(func() {
		defer cancel()
		_ = client.Watch(ctx, func(status shim.Status) {
			if u.heard(status) {
				d.events.Add(u.id)
			}
		})
		close(w.ended)
		if u.lost() && d.ctx.Err() == nil {
			d.events.Add(u.id)
		}
	})
}

// unwatch ends the following and returns when it has ended.
func (u *unit) unwatch() {
	u.mu.Lock()
	w := u.watcher
	u.watcher = nil
	u.mu.Unlock()
	if w != nil {
		w.cancel()
		<-w.ended
	}
}
