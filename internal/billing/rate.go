package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"souk/internal/money"
)

// Item is what is priced.
type Item string

// The items.
const (
	ItemCompute Item = "compute"
	ItemStorage Item = "storage"
)

// Unit is what a price is for one of.
type Unit string

// The units. A month is the calendar month in the billing account's time zone.
const (
	UnitHour     Unit = "hour"
	UnitMonth    Unit = "month"
	UnitGiBHour  Unit = "GiB-hour"
	UnitGiBMonth Unit = "GiB-month"
)

// Price of one unit of an item.
type Price struct {
	Item     Item
	Unit     Unit
	Amount   money.Amount
	Currency string
}

// Month is a calendar month in a time zone, [From, To).
type Month struct {
	From, To time.Time
	Location *time.Location
}

// MonthOf returns the calendar month in the zone that holds t.
func MonthOf(t time.Time, loc *time.Location) Month {
	l := t.In(loc)
	from := time.Date(l.Year(), l.Month(), 1, 0, 0, 0, 0, loc)
	return Month{from.UTC(), from.AddDate(0, 1, 0).UTC(), loc}
}

// String returns the month as "2026-11".
func (m Month) String() string { return m.From.In(m.Location).Format("2006-01") }

// Use is a segment with its prices and the words for the line it goes to.
type Use struct {
	Segment
	Project, Instance, Service, Plan string
	Prices                           []Price
}

// Line is a priced line: everything of one instance at one price in a month.
type Line struct {
	Project, Instance, Service, Plan string
	Item                             Item
	Unit                             Unit
	Price                            money.Amount
	Currency                         string
	// Micros are microseconds times quantity (1 for compute, GiB for storage).
	Micros int64
	// Billed is the time that the line covers.
	Billed time.Duration
	// Amount is rounded, here and nowhere before, to the currency's places.
	Amount money.Amount
	period int64 // microseconds of one unit
}

// Quantity returns how many units were used, to six decimal places.
func (l Line) Quantity() string {
	return money.Prorate(money.MustParse("1"), l.Micros, l.period, 6).String()
}

// Seconds returns the time that the line covers, to the microsecond.
func (l Line) Seconds() string {
	return money.Prorate(money.MustParse("1"), l.Billed.Microseconds(), time.Second.Microseconds(), 6).String()
}

// Rate turns the uses of a month into lines, up to until. It is the one rating
// function: cost so far, the price shown and the invoice all come from it. The
// lines are sorted, so that the same uses give the same bytes.
func Rate(uses []Use, m Month, until time.Time) []Line {
	type key struct {
		project, instance, service, plan string
		item                             Item
		unit                             Unit
		price, currency                  string
	}
	lines := map[key]*Line{}
	texts := map[*Price]string{} // of amounts: many uses share their prices
	for _, u := range uses {
		d := overlap(u.Segment, m, until)
		if d <= 0 {
			continue
		}
		for i, p := range u.Prices {
			quantity := quantity(u.Segment, p)
			if quantity == 0 {
				continue
			}
			text, known := texts[&u.Prices[i]]
			if !known {
				text = p.Amount.String()
				texts[&u.Prices[i]] = text
			}
			k := key{u.Project, u.Instance, u.Service, u.Plan, p.Item, p.Unit, text, p.Currency}
			l := lines[k]
			if l == nil {
				l = &Line{Project: u.Project, Instance: u.Instance, Service: u.Service, Plan: u.Plan,
					Item: p.Item, Unit: p.Unit, Price: p.Amount, Currency: p.Currency, period: period(p.Unit, m)}
				lines[k] = l
			}
			l.Micros += d.Microseconds() * quantity
			l.Billed += d
		}
	}
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		l.Amount = money.Prorate(l.Price, l.Micros, l.period, money.Digits(l.Currency))
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Item, b.Item),
			cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Currency, b.Currency), a.Price.Cmp(b.Price))
	})
	return out
}

// overlap returns how long the segment lies within the month and before until.
func overlap(s Segment, m Month, until time.Time) time.Duration {
	from, to := m.From, m.To
	if until.Before(to) {
		to = until
	}
	if s.From.After(from) {
		from = s.From
	}
	if !s.To.IsZero() && s.To.Before(to) {
		to = s.To
	}
	return to.Sub(from)
}

func quantity(s Segment, p Price) int64 {
	switch {
	case p.Item == ItemCompute && s.ComputeBilled:
		return 1
	case p.Item == ItemStorage && s.StorageBilled:
		return s.Terms.StorageGiB
	}
	return 0
}

// period returns the microseconds of one unit.
func period(u Unit, m Month) int64 {
	switch u {
	case UnitHour, UnitGiBHour:
		return time.Hour.Microseconds()
	case UnitMonth, UnitGiBMonth:
		return m.To.Sub(m.From).Microseconds()
	}
	panic(fmt.Sprintf("billing: unknown unit %q", u))
}

// Quote is what running an instance on the given terms costs.
type Quote struct {
	Lines []Line       // for the whole time that is asked for
	Hour  money.Amount // of all lines, each to six decimal places
	Month money.Amount // of all lines, as the invoice would have it
}

// QuoteFor returns the price of running an instance for the whole month.
func QuoteFor(storageGiB int64, prices []Price, m Month) Quote {
	return QuoteUntil(storageGiB, prices, m, m.To)
}

// QuoteUntil returns the price of running an instance from the beginning of the
// month until then.
func QuoteUntil(storageGiB int64, prices []Price, m Month, until time.Time) Quote {
	s := Segment{From: m.From, To: m.To, ComputeBilled: true, StorageBilled: true, Terms: Terms{StorageGiB: storageGiB}}
	q := Quote{Lines: Rate([]Use{{Segment: s, Prices: prices}}, m, until)}
	for _, l := range q.Lines {
		q.Month = q.Month.Add(l.Amount)
	}
	for _, p := range prices {
		inAnHour := quantity(s, p) * time.Hour.Microseconds()
		q.Hour = q.Hour.Add(money.Prorate(p.Amount, inAnHour, period(p.Unit, m), 6))
	}
	return q
}
