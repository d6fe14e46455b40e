package backup

import (
	"fmt"
	"slices"
	"time"
)

// Taken is a backup that is kept, by when it was begun.
type Taken struct {
	ID string
	At time.Time
}

// Expired are those backups that no rule keeps at that time. Days, weeks and
// months are those of the plan's time zone. gone is when the instance was removed
// for good, or nil: from then on the newest are kept for as long as the longest
// other rule says, counted from then.
func (r Retention) Expired(taken []Taken, zone string, now time.Time, gone *time.Time) []string {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	newest := slices.Clone(taken)
	slices.SortFunc(newest, func(a, b Taken) int { return b.At.Compare(a.At) })
	kept := map[string]bool{}
	if gone == nil || now.Before(gone.Add(r.longest())) {
		for _, b := range newest[:min(r.Last, len(newest))] {
			kept[b.ID] = true
		}
	}
	local := now.In(loc)
	for _, rule := range []struct {
		period func(time.Time) string
		since  time.Time
		count  int
	}{
		{day, local.AddDate(0, 0, -r.Daily), r.Daily},
		{week, local.AddDate(0, 0, -7*r.Weekly), r.Weekly},
		{month, local.AddDate(0, -r.Monthly, 0), r.Monthly},
	} {
		seen := map[string]bool{}
		for _, b := range newest {
			p := rule.period(b.At.In(loc))
			if rule.count > 0 && !seen[p] && b.At.After(rule.since) {
				kept[b.ID] = true
			}
			seen[p] = true
		}
	}
	var expired []string
	for _, b := range slices.Backward(newest) {
		if !kept[b.ID] {
			expired = append(expired, b.ID)
		}
	}
	return expired
}

// longest is for how long the rules but the first keep a backup, and a day at
// least: nothing vanishes with the instance.
func (r Retention) longest() time.Duration {
	const day = 24 * time.Hour
	return max(day, time.Duration(r.Daily)*day, time.Duration(r.Weekly)*7*day, time.Duration(r.Monthly)*31*day)
}

func day(t time.Time) string   { return t.Format(time.DateOnly) }
func month(t time.Time) string { return t.Format("2006-01") }
func week(t time.Time) string {
	y, w := t.ISOWeek()
	return fmt.Sprint(y, "-", w)
}
