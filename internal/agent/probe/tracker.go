package probe

import (
	"slices"
	"time"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// late is by how much a try may begin after it was due before what lies between
// counts as not measured: the agent was held up.
const late = 2 * time.Second

// tracker makes of the outcomes of tries for how long an instance was up and down.
//
// Each check is a step function of time. A try that fails is down from when it
// began, so that a hang counts for as long as it hangs; one that succeeds is up from
// when it was answered. What comes after a try holds until the next begins. While a
// try is under way nothing is known from its beginning on.
type tracker struct {
	checks []*track
	taken  time.Time // up to here spans have been taken
}

// track is one check.
type track struct {
	driver.ProbeCheck
	pace    time.Duration // of tries while the instance is down
	edges   []edge        // in the order of time; the first holds from taken on
	began   time.Time     // of the try under way; zero: none is
	dueMost time.Time     // until when the last outcome holds
}

// edge is what holds from a moment on.
type edge struct {
	at    time.Time
	state state
}

type state int

const (
	unknown state = iota
	up
	down
)

func newTracker(checks []driver.ProbeCheck, now time.Time) *tracker {
	t := &tracker{taken: now}
	for _, c := range checks {
		t.checks = append(t.checks, &track{ProbeCheck: c, pace: min(c.Every, checks[0].Every), edges: []edge{{now, unknown}}, dueMost: now.Add(late)})
	}
	return t
}

func (k *track) last() state { return k.edges[len(k.edges)-1].state }

func (k *track) turn(at time.Time, to state) {
	if k.last() == to {
		return
	}
	if before := k.edges[len(k.edges)-1].at; at.Before(before) {
		at = before
	}
	k.edges = append(k.edges, edge{at, to})
}

// begin notes that a try of a check begins.
func (t *tracker) begin(i int, now time.Time) {
	k := t.checks[i]
	if !k.began.IsZero() {
		return // of a try that was cut short
	}
	if now.After(k.dueMost) {
		k.turn(k.dueMost, unknown)
	}
	k.began = now
}

// end notes how the try ended, and returns when the next is due.
func (t *tracker) end(i int, now time.Time, outcome state) time.Time {
	k := t.checks[i]
	switch outcome {
	case up:
		k.turn(now, up)
	case down, unknown:
		k.turn(k.began, outcome)
	}
	pause := k.Every
	if k.last() == down {
		pause = k.pace
	}
	due := k.began.Add(pause)
	if due.Before(now) {
		due = now
	}
	k.dueMost, k.began = due.Add(late), time.Time{}
	return due
}

// resume says whether the checks are the same as before; tries then go on, and one
// that was cut short counts from its beginning until it has been answered.
func (t *tracker) resume(checks []driver.ProbeCheck) bool {
	if !slices.EqualFunc(t.checks, checks, func(k *track, c driver.ProbeCheck) bool {
		return k.Name == c.Name && k.Every == c.Every && k.Timeout == c.Timeout
	}) {
		return false
	}
	for i, k := range t.checks {
		k.ProbeCheck = checks[i]
	}
	return true
}

// known is until when everything is known.
func (t *tracker) known(now time.Time) time.Time {
	for _, k := range t.checks {
		until := k.dueMost
		if !k.began.IsZero() {
			until = k.began
		}
		if until.Before(now) {
			now = until
		}
	}
	return now
}

// span is a stretch of one state; what lies between spans was not measured.
type span struct {
	from, to time.Time
	state    state
}

// take returns the spans since it was called last, in the order of time.
func (t *tracker) take(now time.Time) (spans []span) {
	until := t.known(now)
	if !until.After(t.taken) {
		return nil
	}
	moments := []time.Time{t.taken, until}
	for _, k := range t.checks {
		for _, e := range k.edges {
			if e.at.After(t.taken) && e.at.Before(until) {
				moments = append(moments, e.at)
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for i, from := range moments[:len(moments)-1] {
		to, is := moments[i+1], t.at(from)
		switch n := len(spans); {
		case !to.After(from) || is == unknown:
		case n > 0 && spans[n-1].state == is && spans[n-1].to.Equal(from):
			spans[n-1].to = to
		default:
			spans = append(spans, span{from, to, is})
		}
	}
	for _, k := range t.checks {
		n := 0
		for n+1 < len(k.edges) && !k.edges[n+1].at.After(until) {
			n++
		}
		k.edges = slices.Delete(k.edges, 0, n)
	}
	t.taken = until
	return spans
}

// at is what holds from a moment on that has not been taken yet. The instance is down
// as soon as one check fails; otherwise the first says whether anything is known.
func (t *tracker) at(moment time.Time) state {
	first := unknown
	for i, k := range t.checks {
		is := unknown
		for _, e := range k.edges {
			if e.at.After(moment) {
				break
			}
			is = e.state
		}
		if is == down {
			return down
		}
		if i == 0 {
			first = is
		}
	}
	return first
}

// wire is how a state is told.
func (s state) wire() agentapi.SLIState {
	if s == down {
		return agentapi.SLIDown
	}
	return agentapi.SLIUp
}
