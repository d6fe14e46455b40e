// Package billing keeps the chain of segments that accounts for every moment of
// every instance exactly once, and rates it.
//
// The chain is a pure function of two step functions of time: what was
// commanded (accepted by the control plane, never late) and what was reported
// (facts, whose effective time may lie before their receipt). Whenever either
// gets a new step, the chain is derived again and what differs is recorded: the
// rows that no longer hold are superseded, never changed, so that a run at an
// earlier watermark still sees what was known then.
package billing

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

// State says why a segment is billed the way it is.
type State string

// The states of a segment.
const (
	StateProvisioning State = "provisioning" // ordered, never ready yet
	StateActive       State = "active"       // ready, or being updated, degraded or maintained since
	StateFailed       State = "failed"
	StateSuspended    State = "suspended"
	StateResuming     State = "resuming" // resumed or undeleted, not ready again yet
	StateDeleted      State = "deleted"  // from the accepted deletion on
	StatePurging      State = "purging"  // from the accepted purge until nothing is left
)

// Terms are what a segment is priced by.
type Terms struct {
	Project        uuid.UUID
	BillingAccount uuid.UUID // the organization that pays
	Plan           uuid.UUID // plan revision
	PriceList      uuid.UUID // price list revision
	ServiceLevel   string
	StorageGiB     int64
}

// Command is one accepted command with all that is wanted after it.
type Command struct {
	Generation       int64
	ActiveGeneration int64 // generation of the last order, resume or undelete
	Intent           agentapi.Intent
	At               time.Time
	Terms            Terms
}

// Fact is one reported observation, at its effective time.
type Fact struct {
	State      driver.State
	Generation int64 // in force
	At         time.Time
}

// Segment is one link of a chain, [From, To). A zero To means that it goes on.
type Segment struct {
	From, To      time.Time
	State         State
	ComputeBilled bool
	StorageBilled bool
	Terms         Terms
}

// Chain derives an instance's chain. Commands are in the order of acceptance,
// facts in the order of receipt; the times of each never decrease.
func Chain(commands []Command, facts []Fact) []Segment {
	var chain []Segment
	var life life
	c, f := 0, 0
	for c < len(commands) || f < len(facts) {
		at := nextTime(commands[c:], facts[f:])
		for ; c < len(commands) && commands[c].At.Equal(at); c++ {
			life.command(commands[c])
		}
		for ; f < len(facts) && facts[f].At.Equal(at); f++ {
			life.fact(facts[f])
		}
		if life.over {
			return closed(chain, at)
		}
		chain = extended(chain, life.segment(at))
	}
	return chain
}

func nextTime(commands []Command, facts []Fact) time.Time {
	switch {
	case len(facts) == 0:
		return commands[0].At
	case len(commands) == 0 || facts[0].At.Before(commands[0].At):
		return facts[0].At
	}
	return commands[0].At
}

// extended appends a segment, or lets the last one go on if nothing differs.
func extended(chain []Segment, s Segment) []Segment {
	if n := len(chain); n > 0 {
		last := chain[n-1]
		last.From = s.From
		if last == s {
			return chain
		}
	}
	return append(closed(chain, s.From), s)
}

func closed(chain []Segment, at time.Time) []Segment {
	if n := len(chain); n > 0 {
		chain[n-1].To = at
	}
	return chain
}

// life is what is known of an instance at one moment of the walk.
type life struct {
	commands []Command
	last     Fact
	inForce  int64 // highest generation reported in force
	held     bool  // it was running once
	running  int64 // highest generation reported running
	over     bool
}

func (l *life) command(c Command) { l.commands = append(l.commands, c) }

func (l *life) fact(f Fact) {
	l.last = f
	l.inForce = max(l.inForce, f.Generation)
	if f.State == driver.StateRunning {
		l.held = true
		l.running = max(l.running, f.Generation)
	}
	purged := len(l.commands) > 0 && l.wanted().Intent == agentapi.IntentPurged && f.Generation >= l.wanted().Generation
	l.over = l.over || (purged && f.State == driver.StateGone)
}

func (l *life) wanted() Command { return l.commands[len(l.commands)-1] }

// segment returns the open segment that starts at that moment.
func (l *life) segment(at time.Time) Segment {
	s := Segment{From: at, Terms: l.terms()}
	s.State = l.state()
	s.ComputeBilled = s.State == StateActive
	s.StorageBilled = l.held && s.State != StatePurging
	return s
}

func (l *life) state() State {
	w := l.wanted()
	switch w.Intent {
	case agentapi.IntentPurged:
		return StatePurging
	case agentapi.IntentDeleted:
		return StateDeleted
	case agentapi.IntentSuspended:
		return StateSuspended
	}
	switch {
	case l.last.State == driver.StateFailed:
		return StateFailed
	case !l.held:
		return StateProvisioning
	case l.running < w.ActiveGeneration:
		return StateResuming
	}
	return StateActive
}

// terms are those in force: the old ones until the zone reports that newer ones
// are. Whose the instance is follows the command at once.
func (l *life) terms() Terms {
	w := l.wanted()
	t := w.Terms
	if l.held {
		i := slices.IndexFunc(l.commands, func(c Command) bool { return c.Generation == l.inForce })
		if i >= 0 {
			t = l.commands[i].Terms
		}
	}
	t.Project, t.BillingAccount = w.Terms.Project, w.Terms.BillingAccount
	return t
}
