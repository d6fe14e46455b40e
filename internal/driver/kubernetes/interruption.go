package kubernetes

import (
	"context"
	"errors"
	"sync"
	"time"

	"souk/internal/driver"
)

// While a change comes into force, its instance is tried as clients use it, so that it
// can be told for how long they had no server.
const (
	tryEvery  = 100 * time.Millisecond
	tryWithin = 5 * time.Second // of each check
	// triedFor bounds the tries of a change that never comes into force.
	triedFor = time.Hour
	// answerPatience is how long what is in force may take to answer at its address.
	answerPatience = 15 * time.Second
)

// trials are those under way, by instance.
type trials struct {
	mu   sync.Mutex
	byID map[string]*trial
}

// trial is what has been seen of one instance since a change was begun.
type trial struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	began    time.Time
	answered bool                // at least once
	down     time.Time           // since when it does not answer; zero: it does
	longest  driver.Interruption // that is over
	asked    time.Time           // when it was first asked for what was seen
	known    bool                // a try that began later has succeeded, or could not tell
}

// tryDuring tries an instance from now on, unless it is tried already. since is when the
// change was begun, maybe by an agent before.
func (d *Driver) tryDuring(job *Job, engine Engine, since time.Time) {
	prober, ok := engine.(Prober)
	if !ok {
		return
	}
	d.trials.mu.Lock()
	defer d.trials.mu.Unlock()
	if d.trials.byID[job.Want.ID] != nil {
		return
	}
	way, err := d.way(job.Want)
	if err != nil {
		return
	}
	probe := prober.Probe(job, way)
	if probe == nil {
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, triedFor)
	t := &trial{cancel: cancel, ended: make(chan struct{}), began: since}
	if d.trials.byID == nil {
		d.trials.byID = map[string]*trial{}
	}
	d.trials.byID[job.Want.ID] = t
	d.wait.Go(func() {
		defer close(t.ended)
		defer probe.Close()
		t.run(ctx, probe.Checks, d.cfg.Now, func() { d.changed(job.Want.ID) })
	})
}

// run tries until ctx ends; back is called when an interruption is over.
func (t *trial) run(ctx context.Context, checks []driver.ProbeCheck, now func() time.Time, back func()) {
	tick := time.NewTicker(tryEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := now()
		err := tryAll(ctx, checks)
		if ctx.Err() == nil && t.note(began, now(), err) {
			back()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// tryAll carries out each check once, until one does not succeed.
func tryAll(ctx context.Context, checks []driver.ProbeCheck) error {
	for _, check := range checks {
		limited, cancel := context.WithTimeout(ctx, tryWithin)
		err := check.Try(limited)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// note takes in what came of a try, and says whether by it an interruption is over, or
// what was asked for is known.
func (t *trial) note(began, ended time.Time, err error) (back bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.known && !t.asked.IsZero() && began.After(t.asked) && (err == nil || errors.Is(err, driver.ErrCannotTell)) {
		t.known = true
		defer func() { back = true }()
	}
	switch {
	case errors.Is(err, driver.ErrCannotTell):
	case err != nil && t.down.IsZero():
		t.down = began
		if !t.answered { // it may have been so since the change was begun
			t.down = t.began
		}
	case err == nil:
		back = !t.down.IsZero()
		if is := (driver.Interruption{From: t.down.UTC(), Until: ended.UTC()}); back && is.Until.Sub(is.From) > t.longest.Until.Sub(t.longest.From) {
			t.longest = is
		}
		t.answered, t.down = true, time.Time{}
	}
	return back
}

// over returns the longest interruption, zero where there was none, once the instance
// has answered at its address since it was first asked: a try before may still hang at a
// server that is gone. It is not waited for without end.
func (t *trial) over(now time.Time) (driver.Interruption, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked.IsZero() {
		t.asked = now
	}
	return t.longest, t.known && t.down.IsZero() || now.Sub(t.asked) >= answerPatience
}

// interrupted returns how clients fared while a change came into force; not ok while they
// have no server yet.
func (d *Driver) interrupted(id string, generation int64) (driver.Interruption, bool) {
	d.trials.mu.Lock()
	t := d.trials.byID[id]
	d.trials.mu.Unlock()
	if t == nil {
		return driver.Interruption{}, true
	}
	is, ok := t.over(d.cfg.Now())
	if !ok {
		return is, false
	}
	d.endTrial(id)
	is.Generation = generation
	return is, true
}

// endTrial ends the tries of an instance, if there are some.
func (d *Driver) endTrial(id string) {
	d.trials.mu.Lock()
	t := d.trials.byID[id]
	delete(d.trials.byID, id)
	d.trials.mu.Unlock()
	if t != nil {
		t.cancel()
		<-t.ended
	}
}
