package billing

import (
	"cmp"
	"fmt"
	"math/big"
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
	// ItemBackupStorage is what the backups of an instance take: the more, the longer
	// they are kept. It is measured, so that nobody can say beforehand what it costs.
	ItemBackupStorage Item = "backup-storage"
)

// items are the items in the order in which lines show them.
var items = []Item{ItemCompute, ItemStorage, ItemBackupStorage}

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

// Use is a segment, or a link of the chain of an instance's backups, with its prices
// and the words for the line it goes to.
type Use struct {
	Segment
	BackupBytes                      int64 // of a link of backups, which has no more than its time of a segment
	Project, Instance, Service, Plan string
	Gone                             bool // the instance was removed for good
	Prices                           []Price
}

// Line is a priced line: everything of one instance at one price in a month.
type Line struct {
	Project, Instance, Service, Plan string
	Gone                             bool // the instance was removed for good
	Item                             Item
	Unit                             Unit
	Price                            money.Amount
	Currency                         string
	// Used is microseconds times quantity: 1 for compute, GiB for storage, bytes for
	// backups. A month of a few megabytes in backups is more than an int64 holds.
	Used *big.Int
	// Billed is the time that the line covers.
	Billed time.Duration
	// Amount is rounded, here and nowhere before, to the currency's places.
	Amount money.Amount
	period *big.Int // Used of one unit
}

// Quantity returns how many units were used, to six decimal places.
func (l Line) Quantity() string {
	return money.ProrateBig(money.MustParse("1"), l.Used, l.period, 6).String()
}

// Seconds returns the time that the line covers, to the microsecond.
func (l Line) Seconds() string {
	return money.Prorate(money.MustParse("1"), l.Billed.Microseconds(), time.Second.Microseconds(), 6).String()
}

// Rate turns the uses of a month into lines, up to until. It is the one rating
// function: cost so far, the price shown and the invoice all come from it. The
// lines are sorted, so that the same uses give the same bytes.
func Rate(uses []Use, m Month, until time.Time) []Line {
	r := newRating(m)
	r.add(uses, m.From, until)
	out := make([]Line, 0, len(r.lines))
	for _, l := range r.lines {
		l.Amount = l.amount()
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Instance, b.Instance), goneLast(a.Gone, b.Gone), cmp.Compare(a.Service, b.Service), cmp.Compare(slices.Index(items, a.Item), slices.Index(items, b.Item)),
			cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Currency, b.Currency), a.Price.Cmp(b.Price))
	})
	return out
}

func goneLast(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// rating is the adding up of uses to lines.
type rating struct {
	month Month
	lines map[lineKey]*Line
	texts map[*Price]string // of amounts: many uses share their prices
}

type lineKey struct {
	project, instance, service, plan string
	gone                             bool
	item                             Item
	unit                             Unit
	price, currency                  string
}

func newRating(m Month) *rating {
	return &rating{m, map[lineKey]*Line{}, map[*Price]string{}}
}

// add adds what lies of the uses in [from, to) of the month.
func (r *rating) add(uses []Use, from, to time.Time) {
	var used, factor big.Int
	for _, u := range uses {
		d := overlap(u.Segment, r.month, from, to)
		if d <= 0 {
			continue
		}
		for i := range u.Prices {
			q := quantity(u, u.Prices[i])
			if q == 0 {
				continue
			}
			l := r.line(u, &u.Prices[i])
			l.Used.Add(l.Used, used.Mul(used.SetInt64(d.Microseconds()), factor.SetInt64(q)))
			l.Billed += d
		}
	}
}

// line returns the line that a use goes to.
func (r *rating) line(u Use, p *Price) *Line {
	text, known := r.texts[p]
	if !known {
		text = p.Amount.String()
		r.texts[p] = text
	}
	k := lineKey{u.Project, u.Instance, u.Service, u.Plan, u.Gone, p.Item, p.Unit, text, p.Currency}
	l := r.lines[k]
	if l == nil {
		l = &Line{Project: u.Project, Instance: u.Instance, Service: u.Service, Plan: u.Plan, Gone: u.Gone,
			Item: p.Item, Unit: p.Unit, Price: p.Amount, Currency: p.Currency, Used: new(big.Int), period: period(*p, r.month)}
		r.lines[k] = l
	}
	return l
}

// amount is what the line costs, rounded to the currency's places.
func (l Line) amount() money.Amount {
	return money.ProrateBig(l.Price, l.Used, l.period, money.Digits(l.Currency))
}

// overlap returns how long the segment lies within the month, and within [from, to).
func overlap(s Segment, m Month, from, to time.Time) time.Duration {
	if from.Before(m.From) {
		from = m.From
	}
	if s.From.After(from) {
		from = s.From
	}
	if m.To.Before(to) {
		to = m.To
	}
	if !s.To.IsZero() && s.To.Before(to) {
		to = s.To
	}
	return to.Sub(from)
}

func quantity(u Use, p Price) int64 {
	switch {
	case p.Item == ItemCompute && u.ComputeBilled:
		return 1
	case p.Item == ItemStorage && u.StorageBilled:
		return u.Terms.StorageGiB
	case p.Item == ItemBackupStorage:
		return u.BackupBytes
	}
	return 0
}

const gibibyte = 1 << 30

// period returns what is used by one unit: microseconds, times bytes for backups.
func period(p Price, m Month) *big.Int {
	var one *big.Int
	switch p.Unit {
	case UnitHour, UnitGiBHour:
		one = big.NewInt(time.Hour.Microseconds())
	case UnitMonth, UnitGiBMonth:
		one = big.NewInt(m.To.Sub(m.From).Microseconds())
	default:
		panic(fmt.Sprintf("billing: unknown unit %q", p.Unit))
	}
	if p.Item == ItemBackupStorage {
		one.Mul(one, big.NewInt(gibibyte))
	}
	return one
}

// Quote is what running an instance on the given terms costs.
type Quote struct {
	Lines []Line       // for the whole time that is asked for
	ByUse []Price      // of what is measured, and in none of the lines
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
	u := Use{Segment: Segment{From: m.From, To: m.To, ComputeBilled: true, StorageBilled: true, Terms: Terms{StorageGiB: storageGiB}}, Prices: prices}
	q := Quote{Lines: Rate([]Use{u}, m, until)}
	for _, l := range q.Lines {
		q.Month = q.Month.Add(l.Amount)
	}
	for _, p := range prices {
		if p.Item == ItemBackupStorage {
			q.ByUse = append(q.ByUse, p)
			continue
		}
		inAnHour := new(big.Int).Mul(big.NewInt(quantity(u, p)), big.NewInt(time.Hour.Microseconds()))
		q.Hour = q.Hour.Add(money.ProrateBig(p.Amount, inAnHour, period(p, m), 6))
	}
	return q
}
