package costs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/costs/costsdb"
	"souk/internal/money"
	"souk/internal/store"
)

const (
	// MostMonths is how many months can be looked at at once.
	MostMonths = 24
	// monthsByDay is of how many months the days are told.
	monthsByDay = 3
	// linesByDay is for how many lines of a month each day is rated anew.
	linesByDay = 6000
)

// Query says which costs to show.
type Query struct {
	Organization uuid.UUID
	Project      *uuid.UUID // nil: all
	By           string
	Months       []billing.Month // in their order, one after the other
	Filter       Filter
}

// Day is by how much a calendar day has let the total grow.
type Day struct {
	Date   string // as 2026-11-21
	Amount money.Amount
}

// Report is what was found.
type Report struct {
	Currency string
	Lines    int
	Total    money.Amount
	Forecast money.Amount // Total at the end of the last month
	Running  bool         // the last month is not over, and Forecast more than Total
	Groups   []Group
	Days     []Day // nil: there is too much of it
	Gaps     []billing.Gap
}

// TooManyDaysError says that costs cannot be told by day.
type TooManyDaysError struct{ Lines int }

func (e *TooManyDaysError) Error() string {
	if e.Lines == 0 {
		return fmt.Sprintf("Days are told of at most %d months at once.", monthsByDay)
	}
	return fmt.Sprintf("There are %d lines in a month, too many to tell them by day: choose one project.", e.Lines)
}

// Explore reads and adds up what the query asks for, as it stands at now.
//
// The running month is rated twice: up to now, and up to its end with everything that is
// not closed going on as it is, and meters as they counted on average, which is the
// forecast. A day costs what it has let the rounded amounts of the month's lines grow by:
// amounts are rounded once, in the line, so that the days of any side add up to it, and a
// day that is over never changes when others follow.
func Explore(ctx context.Context, tx store.Tx, q Query, now time.Time) (Report, error) {
	places := map[uuid.UUID]place{}
	if q.Filter.needsPlaces(q.By) {
		var err error
		if places, err = readPlaces(ctx, tx, q); err != nil {
			return Report{}, err
		}
	}
	e := exploration{q: q, now: now, places: places, groups: sums{}, byDay: len(q.Months) <= monthsByDay}
	for _, m := range q.Months {
		if err := e.month(ctx, tx, m); err != nil {
			return Report{}, err
		}
	}
	return e.report()
}

func readPlaces(ctx context.Context, tx store.Tx, q Query) (map[uuid.UUID]place, error) {
	rows, err := costsdb.New(tx).Places(ctx, costsdb.PlacesParams{OrganizationID: q.Organization, ProjectID: q.Project})
	if err != nil {
		return nil, err
	}
	places := make(map[uuid.UUID]place, len(rows))
	for _, r := range rows {
		at := place{zone: r.Zone}
		if err := json.Unmarshal(r.Labels, &at.labels); err != nil {
			return nil, err
		}
		places[r.ID] = at
	}
	return places, nil
}

// exploration is the adding up of months.
type exploration struct {
	q      Query
	now    time.Time
	places map[uuid.UUID]place
	groups sums
	days   []Day
	byDay  bool // days can be told
	most   int  // lines of a month
	out    Report
}

// month adds one month to what was found.
func (e *exploration) month(ctx context.Context, tx store.Tx, m billing.Month) error {
	course, err := billing.CourseOf(ctx, tx, billing.Filter{Organization: e.q.Organization, Project: e.q.Project}, m)
	if err != nil {
		return err
	}
	until := m.To
	running := e.now.Before(m.To)
	if running {
		until = e.now
	}
	e.gaps(course, until)
	all := course.Lines(until)
	lines := e.q.Filter.chosen(all, e.places)
	e.most = max(e.most, len(all))
	e.out.Lines += len(lines)
	e.out.Total = e.out.Total.Add(billing.Total(lines))
	whole := lines
	if running {
		e.out.Running = true
		whole = e.q.Filter.chosen(course.Forecast(e.now), e.places)
	}
	e.out.Forecast = e.out.Forecast.Add(billing.Total(whole))
	if e.q.By != ByDay {
		e.group(m, lines, whole)
	}
	for _, l := range lines {
		e.out.Currency = l.Currency
	}
	if e.byDay = e.byDay && len(all) <= linesByDay; e.byDay {
		e.eachDay(course, m, until)
	}
	return nil
}

// gaps notes what is not known of the meters of what was asked for.
func (e *exploration) gaps(course billing.Course, until time.Time) {
	f := e.q.Filter
	f.Plan = "" // a gap is of whatever plan the instance had
	for _, g := range course.Gaps(until) {
		if f.chooses(billing.Line{Service: g.Service, Instance: g.Instance, Item: billing.Item(g.Meter)}, e.places[g.InstanceID]) {
			e.out.Gaps = append(e.out.Gaps, g)
		}
	}
}

func (e *exploration) group(m billing.Month, lines, whole []billing.Line) {
	for _, l := range lines {
		g := e.groups.of(keyOf(e.q.By, l, e.places[l.InstanceID], m))
		g.Amount = g.Amount.Add(l.Amount)
	}
	for _, l := range whole {
		g := e.groups.of(keyOf(e.q.By, l, e.places[l.InstanceID], m))
		g.Forecast = g.Forecast.Add(l.Amount)
	}
}

// eachDay tells by how much each day of a month has let the total grow.
func (e *exploration) eachDay(course billing.Course, m billing.Month, until time.Time) {
	before := money.Amount{}
	for day := m.From.In(m.Location); day.Before(until) && day.Before(m.To); {
		next := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, m.Location)
		end := next
		if until.Before(end) {
			end = until
		}
		total := billing.Total(e.q.Filter.chosen(course.Lines(end), e.places))
		e.days = append(e.days, Day{day.Format(time.DateOnly), total.Sub(before)})
		before, day = total, next
	}
}

func (e *exploration) report() (Report, error) {
	if e.byDay {
		e.out.Days = e.days
	}
	if e.q.By != ByDay {
		e.out.Groups = e.groups.list(e.q.By)
		return e.out, nil
	}
	if !e.byDay {
		tooMany := &TooManyDaysError{}
		if len(e.q.Months) <= monthsByDay {
			tooMany.Lines = e.most
		}
		return Report{}, tooMany
	}
	for _, d := range e.days {
		e.out.Groups = append(e.out.Groups, Group{Name: d.Date, Amount: d.Amount, Forecast: d.Amount})
	}
	return e.out, nil
}
