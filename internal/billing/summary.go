package billing

import (
	"cmp"
	"context"
	"slices"
	"time"

	"souk/internal/compare"
	"souk/internal/money"
	"souk/internal/store"
)

// Share is what a part of an organization has cost.
type Share struct {
	Project, Name string // Project is that of an instance, or ""
	Gone          bool   // of an instance that was removed for good
	Discount      bool   // it is all discounts, which are of no part
	Amount        money.Amount
}

// Day is what a calendar day in the billing account's time zone has added to the
// month's total.
type Day struct {
	Date   string // as 2026-11-21
	Amount money.Amount
}

// Summary is what a month has cost so far, from several sides: each of them adds
// up to the total.
type Summary struct {
	Total    money.Amount
	Currency string
	Lines    int
	Services []Share // the largest first, as the others
	Projects []Share
	// Instances is cut to those that cost most.
	Instances []Share
	// Days is nil where there is too much to rate it once for each day.
	Days []Day
}

const (
	summaryInstances = 50
	// linesByDay bounds what is rounded anew for each day.
	linesByDay = 6000
)

// Summarize adds the costs of a month so far up.
func Summarize(ctx context.Context, tx store.Tx, f Filter, m Month, until time.Time) (Summary, error) {
	course, err := courseAt(ctx, tx, f, m, everything)
	if err != nil {
		return Summary{}, err
	}
	lines := course.Lines(until)
	s := summarize(lines)
	if len(lines) <= linesByDay {
		s.Days = course.days(until)
	}
	return s, nil
}

func summarize(lines []Line) Summary {
	s := Summary{Total: Total(lines), Lines: len(lines)}
	services, projects, instances := map[Share]money.Amount{}, map[Share]money.Amount{}, map[Share]money.Amount{}
	add := func(sums map[Share]money.Amount, part Share, l Line) { sums[part] = sums[part].Add(l.Amount) }
	for _, l := range lines {
		s.Currency = l.Currency
		if l.Item == ItemDiscount {
			for _, sums := range []map[Share]money.Amount{services, projects, instances} {
				add(sums, Share{Discount: true}, l)
			}
			continue
		}
		add(services, Share{Name: l.Service}, l)
		add(projects, Share{Name: l.Project}, l)
		add(instances, Share{Project: l.Project, Name: l.Instance, Gone: l.Gone}, l)
	}
	s.Services, s.Projects, s.Instances = largestFirst(services), largestFirst(projects), largestFirst(instances)
	s.Instances = s.Instances[:min(len(s.Instances), summaryInstances)]
	return s
}

func largestFirst(sums map[Share]money.Amount) []Share {
	list := make([]Share, 0, len(sums))
	for s, amount := range sums {
		s.Amount = amount
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Share) int {
		return cmp.Or(b.Amount.Cmp(a.Amount), cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name), compare.Bool(a.Gone, b.Gone))
	})
	return list
}

// days tells by how much each day has let the total grow: amounts are rounded
// once, in a line of the month, and a day is the difference of two of them.
func (c Course) days(until time.Time) []Day {
	m := c.month
	list := []Day{}
	r := newRating(c.uses, m)
	rated := map[int64][]Line{} // by the days' ends, where agreements begin and end
	before := money.Amount{}
	for day := m.From.In(m.Location); day.Before(until) && day.Before(m.To); {
		next := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, m.Location)
		end := next
		if until.Before(end) {
			end = until
		}
		r.add(day, end)
		rated[end.UnixMicro()] = r.finished()
		total := Total(charge(c.agreements, m, end, func(at time.Time) []Line { return rated[at.UnixMicro()] }))
		list = append(list, Day{day.Format(time.DateOnly), total.Sub(before)})
		before, day = total, next
	}
	return list
}
