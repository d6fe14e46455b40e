// Package sla says for how much of a time instances were available: from the
// intervals that zones measured, the billing chain, which says when an instance was
// to serve at all, and the changes that its users asked for.
package sla

import (
	"slices"
	"time"
)

// RulesVersion is raised whenever the rules in this package would make another
// result of the same record.
const RulesVersion = 1

// State is one of those that add up to a time.
type State string

// The states of an instance at a moment.
const (
	Up      State = "up"
	Down    State = "down"
	Agreed  State = "agreed-maintenance" // down while a change was carried out that its users had asked for
	NoData  State = "no-data"            // not measured
	Outside State = "outside-service"    // not to serve: being made, suspended, deleted
)

// Span is a stretch of time, [From, To), in one state.
type Span struct {
	From, To time.Time
	State    State
}

// Window is a stretch of time, [From, To).
type Window struct{ From, To time.Time }

// Timeline says in which state an instance was from one moment to another. The spans
// follow each other without a gap, no two in the same state, and are whole
// milliseconds long, so that they always add up to the time. measured are spans that
// do not overlap, up or down.
func Timeline(from, to time.Time, measured []Span, service, agreed []Window) []Span {
	from, to = whole(from), whole(to)
	moments := []time.Time{from, to}
	add := func(at time.Time) {
		if at = whole(at); at.After(from) && at.Before(to) {
			moments = append(moments, at)
		}
	}
	for _, s := range measured {
		add(s.From)
		add(s.To)
	}
	for _, w := range slices.Concat(service, agreed) {
		add(w.From)
		add(w.To)
	}
	slices.SortFunc(moments, time.Time.Compare)
	m, s, a := &cursor{}, &cursor{windows: service}, &cursor{windows: agreed}
	for _, each := range measured {
		m.windows = append(m.windows, Window{each.From, each.To})
	}
	for _, c := range []*cursor{m, s, a} {
		slices.SortFunc(c.windows, func(x, y Window) int { return x.From.Compare(y.From) })
	}
	states := slices.Clone(measured)
	slices.SortFunc(states, func(x, y Span) int { return x.From.Compare(y.From) })
	var out []Span
	for i, at := range moments[:len(moments)-1] {
		end := moments[i+1]
		if !end.After(at) {
			continue
		}
		is := NoData
		if n, ok := m.at(at); ok {
			is = states[n].State
		}
		if _, during := a.at(at); during && is == Down {
			is = Agreed
		}
		if _, during := s.at(at); !during {
			is = Outside
		}
		if n := len(out); n > 0 && out[n-1].State == is {
			out[n-1].To = end
			continue
		}
		out = append(out, Span{at, end, is})
	}
	return out
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// cursor finds the window that a moment lies in, for moments that never decrease.
type cursor struct {
	windows []Window // by From
	next    int
}

func (c *cursor) at(moment time.Time) (int, bool) {
	for c.next < len(c.windows) && !whole(c.windows[c.next].To).After(moment) {
		c.next++
	}
	return c.next, c.next < len(c.windows) && !whole(c.windows[c.next].From).After(moment)
}

// Totals are how much of a time was spent in each state.
type Totals struct{ Up, Down, Agreed, NoData, Outside time.Duration }

// Add sums up spans.
func Add(spans []Span) (t Totals) {
	for _, s := range spans {
		took := s.To.Sub(s.From)
		switch s.State {
		case Up:
			t.Up += took
		case Down:
			t.Down += took
		case Agreed:
			t.Agreed += took
		case NoData:
			t.NoData += took
		case Outside:
			t.Outside += took
		}
	}
	return t
}

// perMillion is the unit of shares: a ten-thousandth of a percent.
const perMillion = 1_000_000

// Availability is the share of the time that was measured, and in which no agreed
// maintenance was, for which the instance was up: in millionths, rounded down. False
// where nothing was measured.
func (t Totals) Availability() (millionths int64, known bool) {
	of := (t.Up + t.Down).Milliseconds()
	if of <= 0 {
		return 0, false
	}
	return t.Up.Milliseconds() * perMillion / of, true
}
