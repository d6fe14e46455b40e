// Package window says when instances may be maintained: once a week, by the clock
// on the wall of a place.
package window

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are named by customers, wherever this runs
)

// Window is a span of each week.
type Window struct {
	Day     string `json:"day"`      // "sunday"
	At      string `json:"at"`       // "03:00", by the clock on the wall of Zone
	Minutes int    `json:"minutes"`  // how long it lasts, whatever that clock does meanwhile
	Zone    string `json:"timeZone"` // IANA
}

// Default is what an instance has whose order says nothing of it.
func Default(zone string) Window {
	return Window{Day: "sunday", At: "03:00", Minutes: 120, Zone: zone}
}

// Shortest and Longest bound a window's length, in minutes.
const (
	Shortest = 30
	Longest  = 12 * 60
)

// weekday reads a day's name, or its first three letters.
func weekday(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		full := strings.ToLower(d.String())
		if name = strings.ToLower(name); name == full || name == full[:3] {
			return d, true
		}
	}
	return 0, false
}

// Wrong says what is wrong with each field, by the name that it has in documents.
func (w Window) Wrong() map[string]string {
	wrong := map[string]string{}
	if d, ok := weekday(w.Day); !ok || strings.ToLower(d.String()) != w.Day {
		wrong["day"] = "Give a day of the week, such as sunday."
	}
	if _, err := time.Parse("15:04", w.At); err != nil || len(w.At) != len("15:04") {
		wrong["at"] = "Give a time of day such as 03:00."
	}
	if w.Minutes < Shortest || w.Minutes > Longest {
		wrong["minutes"] = fmt.Sprintf("A window lasts %d minutes to %d hours.", Shortest, Longest/60)
	}
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "" || w.Zone == "Local" {
		wrong["timeZone"] = "Give a time zone such as Europe/Zurich."
	}
	return wrong
}

// Parse reads what people write: "Sun 03:00 Europe/Zurich", and after that "3h" or
// "90m". What is not said is as in w.
func (w Window) Parse(text string) (Window, error) {
	fields := strings.Fields(text)
	if len(fields) < 2 || len(fields) > 4 {
		return w, fmt.Errorf("%q is no window: write it as \"Sun 03:00 Europe/Zurich\", and its length after that, as 3h", text)
	}
	day, ok := weekday(fields[0])
	if !ok {
		return w, fmt.Errorf("%q is no day of the week", fields[0])
	}
	w.Day, w.At = strings.ToLower(day.String()), fields[1]
	for _, f := range fields[2:] {
		if long, err := time.ParseDuration(f); err == nil {
			w.Minutes = int(long.Minutes())
		} else {
			w.Zone = f
		}
	}
	for field, why := range w.Wrong() {
		if field == "minutes" && w.Minutes == 0 || field == "timeZone" && w.Zone == "" {
			continue // not said
		}
		return w, fmt.Errorf("%q: %s", text, why)
	}
	return w, nil
}

// String is what Parse reads.
func (w Window) String() string {
	day, _ := weekday(w.Day)
	length := strconv.Itoa(w.Minutes) + "m"
	if w.Minutes%60 == 0 {
		length = strconv.Itoa(w.Minutes/60) + "h"
	}
	return fmt.Sprintf("%s %s %s %s", day.String()[:3], w.At, w.Zone, length)
}

// Next is the first window that begins after that time, in UTC; zero times for one
// that is not valid.
func (w Window) Next(after time.Time) (from, until time.Time) {
	if len(w.Wrong()) > 0 {
		return time.Time{}, time.Time{}
	}
	loc, _ := time.LoadLocation(w.Zone)
	day, _ := weekday(w.Day)
	at, _ := time.Parse("15:04", w.At)
	local := after.In(loc)
	for ahead := -1; ; ahead++ {
		d := time.Date(local.Year(), local.Month(), local.Day()+ahead, at.Hour(), at.Minute(), 0, 0, time.UTC)
		if d.Weekday() != day {
			continue
		}
		if from = onWall(d, loc); from.After(after) {
			return from, from.Add(time.Duration(w.Minutes) * time.Minute)
		}
	}
}

// onWall is when the clock on the wall of a place shows what the UTC time says: the
// first time, where it is shown twice; where it is skipped, when the clock jumps.
func onWall(shown time.Time, loc *time.Location) time.Time {
	var jump time.Time
	for _, near := range []time.Time{shown.Add(-24 * time.Hour), shown.Add(24 * time.Hour)} {
		_, offset := near.In(loc).Zone()
		t := shown.Add(-time.Duration(offset) * time.Second)
		local := t.In(loc)
		if local.Hour() == shown.Hour() && local.Minute() == shown.Minute() && local.Day() == shown.Day() {
			return t
		}
		if jump.IsZero() {
			jump, _ = local.ZoneBounds()
		}
	}
	return jump.UTC()
}
