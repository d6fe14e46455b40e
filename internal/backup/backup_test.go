package backup_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"souk/internal/backup"
)

const instance = "0190c1d2-0000-7000-8000-000000000001"

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDueByTheClockOnTheWall(t *testing.T) {
	p := backup.Plan{At: "02:30", Zone: "Europe/Zurich"}
	for _, c := range []struct{ name, now, last, next string }{
		{"winter", "2026-01-10T12:00:00Z", "2026-01-10T01:30:00Z", "2026-01-11T01:30:00Z"},
		{"summer", "2026-07-10T12:00:00Z", "2026-07-10T00:30:00Z", "2026-07-11T00:30:00Z"},
		{"at the very time", "2026-07-10T00:30:00Z", "2026-07-10T00:30:00Z", "2026-07-11T00:30:00Z"},
		{"just before", "2026-07-10T00:29:59Z", "2026-07-09T00:30:00Z", "2026-07-10T00:30:00Z"},
		{"the hour that is skipped", "2026-03-29T06:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{"the hour that comes twice", "2026-10-25T06:00:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
	} {
		if got := p.Last(instance, at(c.now)); !got.Equal(at(c.last)) {
			t.Errorf("%s: the last was due %s, want %s", c.name, got, c.last)
		}
		if got := p.Next(instance, at(c.now)); !got.Equal(at(c.next)) {
			t.Errorf("%s: the next is due %s, want %s", c.name, got, c.next)
		}
	}
}

func TestEveryDayHasOneBackupWhateverTheSpread(t *testing.T) {
	p := backup.Plan{At: "23:00", Zone: "Europe/Zurich", Spread: 1440}
	seen := map[string]bool{}
	now := at("2026-01-01T00:00:00Z")
	for range 365 * 24 {
		now = now.Add(time.Hour)
		last, next := p.Last(instance, now), p.Next(instance, now)
		if last.After(now) || !next.After(now) || next.Sub(last) < 22*time.Hour || next.Sub(last) > 26*time.Hour {
			t.Fatalf("at %s: last %s, next %s", now, last, next)
		}
		seen[backup.ID(instance, last)] = true
	}
	if n := len(seen); n < 365 || n > 367 {
		t.Errorf("%d backups in a year", n)
	}
}

func TestInstancesBeginAtDifferentTimes(t *testing.T) {
	p := backup.Plan{At: "02:00", Zone: "UTC", Spread: 120}
	seen := map[time.Time]int{}
	for i := range 200 {
		due := p.Last(fmt.Sprint(instance, i), at("2026-07-10T12:00:00Z"))
		if due.Before(at("2026-07-10T02:00:00Z")) || !due.Before(at("2026-07-10T04:00:00Z")) {
			t.Fatalf("due at %s", due)
		}
		seen[due]++
	}
	if len(seen) < 150 {
		t.Errorf("200 instances begin at %d different times", len(seen))
	}
}

func TestNothingIsDueWithoutAPlan(t *testing.T) {
	for _, p := range []backup.Plan{{At: "02:00", Zone: "UTC", Disabled: true}, {At: "2:00", Zone: "UTC"}, {At: "02:00", Zone: "Nowhere/Land"}} {
		if !p.Last(instance, at("2026-07-10T12:00:00Z")).IsZero() || !p.Next(instance, at("2026-07-10T12:00:00Z")).IsZero() {
			t.Errorf("%+v has something due", p)
		}
	}
}

// daily are backups at two each night of so many days up to now.
func daily(days int, now time.Time) []backup.Taken {
	var taken []backup.Taken
	for i := range days {
		t := now.AddDate(0, 0, -i)
		taken = append(taken, backup.Taken{ID: t.Format(time.DateOnly), At: time.Date(t.Year(), t.Month(), t.Day(), 2, 0, 0, 0, time.UTC)})
	}
	return taken
}

func TestKept(t *testing.T) {
	now := at("2026-07-15T12:00:00Z") // a Wednesday
	year := daily(365, now)
	gone := now.AddDate(0, 0, -1)
	for _, c := range []struct {
		name string
		keep backup.Retention
		gone *time.Time
		want []string
	}{
		{"nothing", backup.Retention{}, nil, nil},
		{"the newest", backup.Retention{Last: 2}, nil, []string{"2026-07-14", "2026-07-15"}},
		{"one a day", backup.Retention{Daily: 3}, nil, []string{"2026-07-13", "2026-07-14", "2026-07-15"}},
		{"one a week", backup.Retention{Weekly: 2}, nil, []string{"2026-07-05", "2026-07-12", "2026-07-15"}},
		{"one a month", backup.Retention{Monthly: 2}, nil, []string{"2026-05-31", "2026-06-30", "2026-07-15"}},
		{"any rule keeps", backup.Retention{Last: 1, Weekly: 1}, nil, []string{"2026-07-12", "2026-07-15"}},
		{"gone for a day", backup.Retention{Last: 1}, &gone, nil},
		{"gone, and kept for a week", backup.Retention{Last: 2, Weekly: 1}, &gone, []string{"2026-07-12", "2026-07-14", "2026-07-15"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expired := c.keep.Expired(year, "UTC", now, c.gone)
			var kept []string
			for _, b := range year {
				if !slices.Contains(expired, b.ID) {
					kept = append(kept, b.ID)
				}
			}
			slices.Sort(kept)
			if !slices.Equal(kept, c.want) {
				t.Errorf("kept %v, want %v", kept, c.want)
			}
		})
	}
}

// What is requested beside the schedule on the same day is kept by the rule for
// the newest only, and by that of the day where it is the day's newest.
func TestTheNewestOfADayIsKept(t *testing.T) {
	now := at("2026-07-15T12:00:00Z")
	taken := []backup.Taken{{"night", at("2026-07-14T02:00:00Z")}, {"noon", at("2026-07-14T12:00:00Z")}, {"today", at("2026-07-15T02:00:00Z")}}
	if got := (backup.Retention{Daily: 2}).Expired(taken, "UTC", now, nil); !slices.Equal(got, []string{"night"}) {
		t.Errorf("expired %v", got)
	}
}

func TestTheSameDueTimeIsTheSameBackup(t *testing.T) {
	due := at("2026-07-15T02:00:00Z")
	if backup.ID(instance, due) != backup.ID(instance, due) || backup.ID(instance, due) == backup.ID(instance, due.Add(time.Second)) || backup.ID(instance, due) == backup.FirstID(instance, "") {
		t.Error("the ID of a backup does not stand for its due time")
	}
}
