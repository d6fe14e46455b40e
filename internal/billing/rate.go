package billing

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/compare"
	"souk/internal/money"
)

// RulesVersion names the rules by which Rate works. What was billed by one version is
// rated again by the same.
const RulesVersion = "1"

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

// MonthBetween is a month that was written down by its ends and the name of its zone.
func MonthBetween(from, to time.Time, zone string) (Month, error) {
	location, err := time.LoadLocation(zone)
	return Month{from.UTC(), to.UTC(), location}, err
}

// String returns the month as "2026-11".
func (m Month) String() string { return m.From.In(m.Location).Format("2006-01") }

// Use is a segment, a link of the chain of an instance's backups, or what a meter has
// counted in a time, with its prices and the words for the line it goes to.
type Use struct {
	Segment
	ID, InstanceID uuid.UUID // ID is the link's
	First          bool      // the instance was ready for the first time at its beginning
	BackupBytes    int64     // of a link of backups, which has no more than its time of a segment
	// Meter is what has counted Quantity in the time of the use, in the meter's smallest
	// unit. It counts where its time begins.
	Meter                            string
	Quantity                         int64
	Window, Events                   int64 // the number of that count, and of how many events it is made
	Project, Instance, Service, Plan string
	Gone                             bool // the instance was removed for good
	Prices                           []Price
}

// Rate turns the uses of a month into lines, up to until. It is the one rating
// function: cost so far, the price shown and the invoice all come from it. The
// lines are sorted, so that the same uses give the same bytes, in whatever order they
// are given.
func Rate(uses []Use, m Month, until time.Time) []Line { return rate(uses, m, until, false) }

// Explain is Rate, with the parts of each line.
func Explain(uses []Use, m Month, until time.Time) []Line { return rate(uses, m, until, true) }

func rate(uses []Use, m Month, until time.Time, explained bool) []Line {
	r := newRating(uses, m)
	r.explained = explained
	r.add(m.From, until)
	out := r.finished()
	sortLines(out)
	return out
}

// rating is the adding up of uses to lines.
type rating struct {
	month     Month
	uses      []Use // where that matters, in the order of time
	lines     map[lineKey]*Line
	scopes    map[scopeKey]*big.Int // what was used that tiers go by; nil: there are none
	minimums  map[minimumKey]*minimum
	explained bool // lines keep their parts
}

// lineKey is what has a line of its own. A revision of a list has one price of an item.
type lineKey struct {
	project, instance, plan, list uuid.UUID
	level                         string
	item                          Item
	tier                          int
}

// scopeKey is within what tiers are counted.
type scopeKey struct {
	instance uuid.UUID
	item     Item
}

// minimumKey is what a minimum is for: an instance at one price.
type minimumKey struct {
	instance, list    uuid.UUID
	level, item, plan string
}

// minimum is one as it adds up.
type minimum struct {
	rule    *Price
	inForce time.Duration
	last    *Use // in time: whose line it goes to
	parts   []Part
}

func (m *minimum) more(u *Use, from time.Time, d time.Duration, explained bool) {
	m.inForce += d
	if explained {
		m.parts = append(m.parts, Part{Use: u, From: from, To: from.Add(d), Quantity: 1, Used: big.NewInt(d.Microseconds())})
	}
}

func newRating(uses []Use, m Month) *rating {
	r := &rating{month: m, uses: uses, lines: map[lineKey]*Line{}, minimums: map[minimumKey]*minimum{}}
	inOrder := false
	for i := range uses {
		for p := range uses[i].Prices {
			if uses[i].Prices[p].Tiered() && r.scopes == nil {
				r.scopes = map[scopeKey]*big.Int{}
			}
			inOrder = inOrder || r.scopes != nil || !uses[i].Prices[p].Minimum.IsZero()
		}
	}
	if inOrder {
		r.uses = slices.Clone(uses)
		slices.SortFunc(r.uses, func(a, b Use) int { return cmp.Or(a.From.Compare(b.From), bytes.Compare(a.ID[:], b.ID[:])) })
	}
	return r
}

// add adds what lies of the uses in [from, to) of the month. Times that are added one
// after another are those of the whole.
func (r *rating) add(from, to time.Time) {
	from, to = compare.Later(from, r.month.From), compare.Earlier(to, r.month.To)
	var used, factor big.Int
	for i := range r.uses {
		u := &r.uses[i]
		d := overlap(u.Segment, from, to)
		if d <= 0 {
			continue
		}
		begins := !u.From.Before(from)
		for n := range u.Prices {
			p := &u.Prices[n]
			if p.Item == ItemSetup || u.Meter != "" {
				if q := counted(u, p); q != 0 && begins {
					r.use(u, p, q, used.SetInt64(q), u.From, 0)
				}
				continue
			}
			q, begin := quantity(u, p), compare.Later(from, u.From)
			if !p.Minimum.IsZero() && (q != 0 || p.Item.Measured() && u.ComputeBilled) {
				r.least(u, p).more(u, begin, d, r.explained)
			}
			if q != 0 {
				r.use(u, p, q, used.Mul(used.SetInt64(d.Microseconds()), factor.SetInt64(q)), begin, d)
			}
		}
	}
}

// counted is how much a use has of what is not billed by time.
func counted(u *Use, p *Price) int64 {
	switch {
	case p.Item == ItemSetup && u.First:
		return 1
	case p.Item == Item(u.Meter):
		return u.Quantity
	}
	return 0
}

// quantity is how much of an item is used at each moment of a use.
func quantity(u *Use, p *Price) int64 {
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

// use adds what was used in a time, q at each moment of it, to its line, or, where each
// tier has one, to those.
func (r *rating) use(u *Use, p *Price, q int64, used *big.Int, from time.Time, d time.Duration) {
	more := func(l *Line, used *big.Int, from time.Time, d time.Duration) {
		l.Used.Add(l.Used, used)
		l.Billed += d
		if r.explained {
			l.Parts = append(l.Parts, partOf(u, p, q, used, from, d))
		}
	}
	if r.scopes == nil {
		more(r.line(u, p, 0, nil), used, from, d)
		return
	}
	scope := r.scopes[scopeKey{u.InstanceID, p.Item}]
	if scope == nil {
		scope = new(big.Int)
		r.scopes[scopeKey{u.InstanceID, p.Item}] = scope
	}
	if p.Mode != ModeGraduated {
		more(r.line(u, p, 0, scope), used, from, d)
		scope.Add(scope, used)
		return
	}
	one, start := period(*p, r.month), new(big.Int).Set(scope)
	scope.Add(scope, used)
	before, spent := start, time.Duration(0)
	for i := p.tierOf(new(big.Int).Add(start, big.NewInt(1)), one); before.Cmp(scope) < 0; i++ {
		end, until := scope, d
		if t := p.Tiers[i]; t.UpTo != 0 && t.bound(one).Cmp(scope) < 0 {
			end = t.bound(one)
			until = momentOf(new(big.Int).Sub(end, start), used, d)
		}
		more(r.line(u, p, i+1, scope), new(big.Int).Sub(end, before), from.Add(spent), until-spent)
		before, spent = end, until
	}
}

// momentOf is after how much of a time a part was used, cut off to the microsecond.
func momentOf(part, all *big.Int, d time.Duration) time.Duration {
	n := new(big.Int).Mul(part, big.NewInt(d.Microseconds()))
	return time.Duration(n.Div(n, all).Int64()) * time.Microsecond
}

// line returns the line that a use goes to.
func (r *rating) line(u *Use, p *Price, tier int, scope *big.Int) *Line {
	k := lineKey{u.Terms.Project, u.InstanceID, u.Terms.Plan, u.Terms.PriceList, u.Terms.ServiceLevel, p.Item, tier}
	l := r.lines[k]
	if l == nil {
		l = lineOf(u, p)
		l.Item, l.Unit, l.Price, l.Tier, l.Used, l.period, l.scope = p.Item, p.Unit, p.Amount, tier, new(big.Int), period(*p, r.month), scope
		if tier > 0 {
			l.Price = p.Tiers[tier-1].Amount
		}
		if !p.Minimum.IsZero() {
			l.least = r.least(u, p)
		}
		r.lines[k] = l
	}
	return l
}

// lineOf is a line of a use, without figures.
func lineOf(u *Use, p *Price) *Line {
	return &Line{ProjectID: u.Terms.Project, InstanceID: u.InstanceID, PlanRevision: u.Terms.Plan, PriceList: u.Terms.PriceList, ServiceLevel: u.Terms.ServiceLevel,
		Project: u.Project, Instance: u.Instance, Gone: u.Gone, Service: u.Service, Plan: u.Plan, Currency: p.Currency, rule: p}
}

// least returns the minimum that a use counts for.
func (r *rating) least(u *Use, p *Price) *minimum {
	k := minimumKey{u.InstanceID, u.Terms.PriceList, u.Terms.ServiceLevel, string(p.Item), p.Plan}
	m := r.minimums[k]
	if m == nil {
		m = &minimum{rule: p}
		r.minimums[k] = m
	}
	m.last = u
	return m
}

// finished are the lines of what was added so far, with their amounts, and what lacks
// to the minimums.
func (r *rating) finished() []Line {
	out := make([]Line, 0, len(r.lines))
	sums := map[*minimum]money.Amount{}
	for _, l := range r.lines {
		l.priced()
		out = append(out, *l)
		if l.least != nil {
			sums[l.least] = sums[l.least].Add(l.Amount)
		}
	}
	for _, m := range r.minimums {
		due := money.Prorate(m.rule.Minimum, m.inForce.Microseconds(), r.month.To.Sub(r.month.From).Microseconds(), money.Digits(m.rule.Currency))
		if lacks := due.Sub(sums[m]); lacks.Cmp(money.Amount{}) > 0 {
			l := lineOf(m.last, m.rule).Times(1, lacks)
			l.Item, l.Of, l.Charged, l.Parts = ItemMinimum, m.rule.Item, sums[m], m.parts
			l.partPrice, l.partPeriod = m.rule.Minimum, big.NewInt(r.month.To.Sub(r.month.From).Microseconds())
			out = append(out, l)
		}
	}
	return out
}

// priced gives a line the price of the tier that all that was used lies in, where that
// is how the tiers work, and its amount.
func (l *Line) priced() {
	if l.rule.Mode == ModeVolume {
		i := l.rule.tierOf(l.scope, l.period)
		l.Tier, l.Price = i+1, l.rule.Tiers[i].Amount
	}
	l.Amount = l.amount()
}

// overlap returns how long the segment lies within [from, to).
func overlap(s Segment, from, to time.Time) time.Duration {
	from = compare.Later(from, s.From)
	if !s.To.IsZero() {
		to = compare.Earlier(to, s.To)
	}
	return to.Sub(from)
}
