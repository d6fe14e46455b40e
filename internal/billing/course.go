package billing

import (
	"bytes"
	"cmp"
	"context"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/compare"
	"souk/internal/store"
)

// Course is what is known of a month, read once to be rated up to several moments.
type Course struct {
	uses       []Use
	agreements []Agreement
	covered    map[metered][]Span
	month      Month
}

// CourseOf reads the course of a month.
func CourseOf(ctx context.Context, tx store.Tx, f Filter, m Month) (Course, error) {
	c, err := courseAt(ctx, tx, f, m, everything)
	if err != nil {
		return c, err
	}
	c.covered, err = coveredBy(ctx, billingdb.New(tx), c.uses, m, everything)
	return c, err
}

// courseAt reads it as it was known at a watermark.
func courseAt(ctx context.Context, tx store.Tx, f Filter, m Month, watermark time.Time) (Course, error) {
	uses, err := readUses(ctx, tx, f, m, watermark)
	if err != nil {
		return Course{}, err
	}
	agreements, err := readAgreements(ctx, billingdb.New(tx), f, m, watermark)
	return Course{uses: uses, agreements: agreements, month: m}, err
}

// Lines are what Charges would return up to then.
func (c Course) Lines(until time.Time) []Line { return Charge(c.uses, c.agreements, c.month, until) }

// Gaps are what Gaps would return up to then.
func (c Course) Gaps(until time.Time) []Gap {
	return gaps(c.uses, c.covered, c.month, until, everything)
}

// Forecast are the lines of the whole month if all goes on as it is at now: what has no
// end goes on, and meters count in each hour that is not known to be complete, past or to
// come, as much as on average in those of the month that are. Of a month that is over they
// are its lines.
func (c Course) Forecast(now time.Time) []Line {
	if !now.Before(c.month.To) {
		return c.Lines(c.month.To)
	}
	return Charge(append(slices.Clip(c.uses), c.expected(now)...), c.agreements, c.month, c.month.To)
}

// counting is what a meter of an instance has counted in a month.
type counting struct {
	complete, other big.Int // in times that are known to be complete, and in others
}

// expected is what meters will have counted in the month beside what they have: a use for
// each of an instance, at now.
func (c Course) expected(now time.Time) []Use {
	ran := ranWith(c.uses, c.month.From, c.month.To)
	counted := map[metered]*counting{}
	for _, u := range c.uses {
		k := metered{u.InstanceID, u.Meter}
		r, runs := ran[k]
		if u.Meter == "" || !runs {
			continue
		}
		n := counted[k]
		if n == nil {
			n = &counting{}
			counted[k] = n
		}
		sum := &n.other
		if len(Missing(within(r.spans, Span{u.From, u.To}), c.covered[k])) == 0 {
			sum = &n.complete
		}
		sum.Add(sum, big.NewInt(u.Quantity))
	}
	var out []Use
	running := runningAt(c.uses, now)
	for k, n := range counted {
		r := ran[k]
		rest := lengthOf(Missing(r.spans, c.covered[k]))
		known := lengthOf(r.spans) - rest
		if known <= 0 || !running[k.instance] {
			continue
		}
		more := new(big.Int).Mul(&n.complete, big.NewInt(rest.Microseconds()))
		more.Sub(more.Quo(more, big.NewInt(known.Microseconds())), &n.other)
		if more.Sign() > 0 && more.IsInt64() {
			u := r.use // the last with which it ran
			u.Segment = Segment{From: compare.Later(now, c.month.From), To: c.month.To, Terms: u.Terms}
			u.Meter, u.Quantity, u.First = k.meter, more.Int64(), false
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b Use) int {
		return cmp.Or(bytes.Compare(a.InstanceID[:], b.InstanceID[:]), cmp.Compare(a.Meter, b.Meter))
	})
	return out
}

// runningAt are the instances that run at now, and are not known to have ended by then.
func runningAt(uses []Use, now time.Time) map[uuid.UUID]bool {
	running := map[uuid.UUID]bool{}
	for _, u := range uses {
		if u.ComputeBilled && !u.From.After(now) && (u.To.IsZero() || u.To.After(now)) {
			running[u.InstanceID] = true
		}
	}
	return running
}

// within is what of the spans lies in one.
func within(spans []Span, in Span) []Span {
	var out []Span
	for _, s := range spans {
		if s = (Span{compare.Later(s.From, in.From), compare.Earlier(s.To, in.To)}); s.From.Before(s.To) {
			out = append(out, s)
		}
	}
	return out
}

func lengthOf(spans []Span) (sum time.Duration) {
	for _, s := range spans {
		sum += s.To.Sub(s.From)
	}
	return sum
}
