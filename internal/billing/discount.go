package billing

import (
	"math/big"
	"slices"
	"time"

	"souk/internal/compare"
	"souk/internal/money"
)

// Charge turns the uses and agreements of a month into lines, up to until: what was used,
// and after it the discounts, one line of each agreement, in the order in which they apply.
//
// An agreement reduces what those before it have left of what it covers, and never to less
// than nothing. Of a part of a month it reduces what that part has let the rounded lines
// grow by, which of a whole month is the lines themselves. The order in which uses and
// agreements are given does not matter.
func Charge(uses []Use, agreements []Agreement, m Month, until time.Time) []Line {
	return charge(agreements, m, until, func(at time.Time) []Line { return Rate(uses, m, at) })
}

// charge is Charge of what is rated up to moments of the month.
func charge(agreements []Agreement, m Month, until time.Time, rated func(at time.Time) []Line) []Line {
	until = compare.Earlier(until, m.To)
	lines := rated(until)
	if len(agreements) == 0 {
		return lines
	}
	parts := partsOf(agreements, m, until, lines, rated)
	for _, a := range inOrder(agreements) {
		base := new(big.Rat)
		for _, p := range parts {
			p.add(&a, base)
		}
		less := a.reduces(base, m)
		if less.IsZero() {
			continue
		}
		left := new(big.Rat).Sub(base, less.Decimal().Rat())
		left.Quo(left, base)
		for _, p := range parts {
			p.leave(&a, left)
		}
		l := Line{Item: ItemDiscount, Currency: a.Currency, Agreement: &a, Reduces: rounded(base, a.Currency)}
		lines = append(lines, l.Times(-1, less))
	}
	return lines
}

// grain is by what agreements tell lines apart.
type grain struct {
	service, plan string
	item          Item
	currency      string
}

func grainOf(l Line) grain {
	g := grain{l.Service, l.Plan, l.Item, l.Currency}
	if l.Item == ItemMinimum {
		g.item = l.Of
	}
	return g
}

// part of a month in which the same agreements hold, with what is left of what it let
// lines grow by.
type part struct {
	from, to time.Time
	left     map[grain]*big.Rat
}

// partsOf cuts a month where agreements begin and end.
func partsOf(agreements []Agreement, m Month, until time.Time, lines []Line, rated func(at time.Time) []Line) []part {
	cuts := []time.Time{until}
	for _, a := range agreements {
		for _, at := range []time.Time{a.From, a.To} {
			if m.From.Before(at) && at.Before(until) {
				cuts = append(cuts, at)
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	parts := make([]part, 0, len(cuts))
	before, from := []Line(nil), m.From
	for _, to := range cuts {
		now := lines
		if to.Before(until) {
			now = rated(to)
		}
		p := part{from, to, map[grain]*big.Rat{}}
		p.grow(now, big.NewRat(1, 1))
		p.grow(before, big.NewRat(-1, 1))
		parts, before, from = append(parts, p), now, to
	}
	return parts
}

// grow adds so many times the amounts of lines.
func (p part) grow(lines []Line, times *big.Rat) {
	for _, l := range lines {
		g := grainOf(l)
		if p.left[g] == nil {
			p.left[g] = new(big.Rat)
		}
		p.left[g].Add(p.left[g], new(big.Rat).Mul(times, l.Amount.Decimal().Rat()))
	}
}

// in says whether an agreement holds in the part: it does in all of it, or in nothing.
func (p part) in(a *Agreement) bool { return a.within(p.from, p.to) > 0 }

// add adds what an agreement can reduce.
func (p part) add(a *Agreement, base *big.Rat) {
	if !p.in(a) {
		return
	}
	for g, left := range p.left {
		if a.covers(g) {
			base.Add(base, left)
		}
	}
}

// leave leaves a share of what an agreement covers.
func (p part) leave(a *Agreement, share *big.Rat) {
	if !p.in(a) {
		return
	}
	for g, left := range p.left {
		if a.covers(g) {
			left.Mul(left, share)
		}
	}
}

// reduces is by how much an agreement reduces what it covers, rounded: never by more than
// there is.
func (a *Agreement) reduces(base *big.Rat, m Month) money.Amount {
	if base.Sign() <= 0 {
		return money.Amount{}
	}
	var less money.Amount
	switch a.Kind {
	case AgreementPercent:
		less = rounded(percentOf(base, a.Percent), a.Currency)
	case AgreementVolume:
		less = rounded(a.byVolume(base), a.Currency)
	case AgreementAmount:
		less = money.Prorate(a.Amount, a.within(m.From, m.To).Microseconds(), m.To.Sub(m.From).Microseconds(), money.Digits(a.Currency))
	}
	if most := money.Floor(base, money.Digits(a.Currency)); less.Cmp(most) > 0 {
		return most
	}
	return less
}

// byVolume is what the tiers take of a volume.
func (a *Agreement) byVolume(volume *big.Rat) *big.Rat {
	sum, from := new(big.Rat), new(big.Rat)
	for _, t := range a.Tiers {
		to := volume
		if upTo := t.UpTo.Decimal().Rat(); !t.UpTo.IsZero() && upTo.Cmp(volume) < 0 {
			to = upTo
		}
		if to.Cmp(from) <= 0 {
			break
		}
		sum.Add(sum, percentOf(new(big.Rat).Sub(to, from), t.Percent))
		from = to
	}
	return sum
}

func percentOf(of *big.Rat, percent money.Amount) *big.Rat {
	out := new(big.Rat).Mul(of, percent.Decimal().Rat())
	return out.Quo(out, big.NewRat(100, 1))
}

// rounded is a fraction of money in its currency's places.
func rounded(r *big.Rat, currency string) money.Amount {
	return money.ProrateBig(money.MustParse("1"), r.Num(), r.Denom(), money.Digits(currency))
}
