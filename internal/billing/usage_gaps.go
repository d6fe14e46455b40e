package billing

import (
	"slices"
	"time"
)

// Span is a stretch of time, [From, To).
type Span struct{ From, To time.Time }

// UsageSettles is how long after an hour its usage may still be on its way without
// anything being wrong.
const UsageSettles = 90 * time.Minute

// Missing returns what of the spans lies in none of those that cover, in order.
func Missing(of, covered []Span) []Span {
	byFrom := func(a, b Span) int { return a.From.Compare(b.From) }
	of, covered = slices.SortedFunc(slices.Values(of), byFrom), slices.SortedFunc(slices.Values(covered), byFrom)
	var out []Span
	for _, s := range of {
		at := s.From
		for _, c := range covered {
			if !c.From.Before(s.To) {
				break
			}
			if c.From.After(at) {
				out = appendSpan(out, Span{at, c.From})
			}
			if c.To.After(at) {
				at = c.To
			}
		}
		if at.Before(s.To) {
			out = appendSpan(out, Span{at, s.To})
		}
	}
	return out
}

// appendSpan appends a span that begins after the last one has, or lets that one go on.
func appendSpan(list []Span, s Span) []Span {
	if n := len(list); n > 0 && !list[n-1].To.Before(s.From) {
		if s.To.After(list[n-1].To) {
			list[n-1].To = s.To
		}
		return list
	}
	return append(list, s)
}
