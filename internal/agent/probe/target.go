package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// target is one instance that is tried.
type target struct {
	id     string
	now    func() time.Time
	offset func() time.Duration // of Souk's clock

	cancel context.CancelFunc // of the checks under way; nil: there are none
	tries  sync.WaitGroup
	close  func()

	mu      sync.Mutex
	tracker *tracker
	spans   []agentapi.SLISpan // not reported yet, the last goes on
	since   time.Time          // the state of the last span has held
	told    agentapi.SLISpan   // was reported last
}

// start tries the instance until stop is called. What was known of it goes on where
// the checks are the same.
func (t *target) start(ctx context.Context, p *driver.Probe) {
	now := t.now()
	first := now
	t.mu.Lock()
	if t.tracker == nil || !t.tracker.resume(p.Checks) {
		t.tracker = newTracker(p.Checks, now)
		first = now.Add(offsetWithin(t.id, p.Checks[0].Every))
	}
	t.mu.Unlock()
	ctx, t.cancel = context.WithCancel(ctx)
	t.close = p.Close
	for i, check := range p.Checks {
		t.tries.Go(func() { t.repeat(ctx, i, check, first) })
	}
}

// stop returns when no try is under way any more.
func (t *target) stop() {
	if t.cancel == nil {
		return
	}
	t.cancel()
	t.tries.Wait()
	t.cancel = nil
	if t.close != nil {
		t.close()
	}
}

// leave notes that nobody tries the instance any more.
func (t *target) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tracker != nil {
		t.gather(t.now())
		t.tracker = nil
	}
}

// repeat tries one check whenever it is due.
func (t *target) repeat(ctx context.Context, i int, check driver.ProbeCheck, due time.Time) {
	timer := time.NewTimer(due.Sub(t.now()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t.mu.Lock()
		t.tracker.begin(i, t.now())
		t.mu.Unlock()
		outcome := try(ctx, check)
		if ctx.Err() != nil {
			return
		}
		t.mu.Lock()
		now := t.now()
		due := t.tracker.end(i, now, outcome)
		t.mu.Unlock()
		timer.Reset(due.Sub(now))
	}
}

// try carries out a check once. It returns when the time is over, also where the
// check does not.
func try(ctx context.Context, check driver.ProbeCheck) state {
	ctx, cancel := context.WithTimeout(ctx, check.Timeout)
	defer cancel()
	switch err := check.Try(ctx); {
	case err == nil:
		return up
	case errors.Is(err, driver.ErrCannotTell):
		return unknown
	}
	return down
}

// gather takes what the tracker knows by now, in Souk's time. Called with mu held.
func (t *target) gather(now time.Time) {
	offset := t.offset()
	for _, s := range t.tracker.take(now) {
		from := s.from.Round(0).UTC().Truncate(time.Microsecond)
		is := agentapi.SLISpan{State: s.state.wire(), From: from.Add(offset), To: from.Add(offset + s.to.Sub(s.from)).Truncate(time.Microsecond)}
		if n := len(t.spans); n > 0 && t.spans[n-1].State == is.State && near(t.spans[n-1].To, is.From) {
			t.spans[n-1].To = is.To
			continue
		}
		last := t.told
		if n := len(t.spans); n > 0 {
			last = t.spans[n-1]
		}
		if near(last.To, is.From) { // no rounding leaves a gap
			is.From = last.To
		}
		if last.State != is.State || !near(last.To, is.From) {
			t.since = is.From
		}
		if is.To.After(is.From) {
			t.spans = append(t.spans, is)
		}
	}
}

// near says that two moments are the same but for rounding and the clock's pace.
func near(a, b time.Time) bool { return a.Sub(b).Abs() < 5*time.Millisecond }

// due are the spans that are to be reported now: whenever the state is another, and
// what goes on from time to time.
func (t *target) due(all bool) []agentapi.SLISpan {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tracker != nil {
		t.gather(t.now())
	}
	n := len(t.spans)
	if n == 0 {
		return nil
	}
	last := t.spans[n-1]
	latest := latestUp
	if last.State == agentapi.SLIDown {
		latest = latestDown
	}
	wait := min(max(last.From.Sub(t.since), soonest), latest)
	if all || n > 1 || last.State != t.told.State || last.To.Sub(last.From) >= wait {
		return append([]agentapi.SLISpan(nil), t.spans...)
	}
	return nil
}

// reported notes that the oldest span is in the outbox. The last may have grown
// meanwhile: its rest is another.
func (t *target) reported(s agentapi.SLISpan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = s
	if t.spans[0].To.After(s.To) {
		t.spans[0].From = s.To
		return
	}
	t.spans = t.spans[1:]
}
