package window

import (
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestNext(t *testing.T) {
	zurich := Default("Europe/Zurich")
	for _, c := range []struct {
		about             string
		w                 Window
		after, from, ends string
	}{
		{"in winter", zurich, "2026-11-20T12:00:00Z", "2026-11-22T02:00:00Z", "2026-11-22T04:00:00Z"},
		{"in summer", zurich, "2026-07-01T12:00:00Z", "2026-07-05T01:00:00Z", "2026-07-05T03:00:00Z"},
		{"one that begins at that time is not after it", zurich, "2026-11-22T02:00:00Z", "2026-11-29T02:00:00Z", "2026-11-29T04:00:00Z"},
		{"on its day, before", zurich, "2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z", "2026-11-22T04:00:00Z"},
		{"the clock jumps from 02:00 to 03:00 before it", zurich, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
		{"it begins in the hour that is skipped: when the clock jumps", Window{"sunday", "02:30", 60, "Europe/Zurich"}, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		{"it begins in the hour that is shown twice: the first time", Window{"sunday", "02:30", 60, "Europe/Zurich"}, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"and not once more", Window{"sunday", "02:30", 60, "Europe/Zurich"}, "2026-10-25T00:30:00Z", "2026-11-01T01:30:00Z", "2026-11-01T02:30:00Z"},
		{"it lasts as long as it says while the clock is put back", Window{"sunday", "01:30", 180, "Europe/Zurich"}, "2026-10-24T12:00:00Z", "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"},
		{"and while it jumps", Window{"sunday", "01:30", 180, "Europe/Zurich"}, "2026-03-28T12:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T03:30:00Z"},
		{"midnight is what is skipped", Window{"sunday", "00:00", 60, "America/Santiago"}, "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z", "2026-09-06T05:00:00Z"},
		{"a clock that jumps by half an hour", Window{"sunday", "02:15", 60, "Australia/Lord_Howe"}, "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:30:00Z"},
		{"over the end of the day", Window{"saturday", "23:00", 180, "Pacific/Auckland"}, "2026-11-18T00:00:00Z", "2026-11-21T10:00:00Z", "2026-11-21T13:00:00Z"},
		{"over the end of the year", Window{"friday", "00:30", 30, "UTC"}, "2026-12-31T12:00:00Z", "2027-01-01T00:30:00Z", "2027-01-01T01:00:00Z"},
	} {
		t.Run(c.about, func(t *testing.T) {
			from, until := c.w.Next(at(t, c.after))
			if !from.Equal(at(t, c.from)) || !until.Equal(at(t, c.ends)) {
				t.Errorf("%s, after %s: %s to %s, want %s to %s", c.w, c.after, from, until, c.from, c.ends)
			}
		})
	}
	if from, until := (Window{Day: "someday"}).Next(time.Now()); !from.IsZero() || !until.IsZero() {
		t.Errorf("of none that is valid: %s to %s", from, until)
	}
}

// Around the world and for years, each week has one window, on its day.
func TestOneEachWeek(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Zurich", "America/New_York", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca"} {
		for _, clock := range []string{"00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "23:45"} {
			w := Window{"sunday", clock, 60, zone}
			loc, _ := time.LoadLocation(zone)
			last, _ := w.Next(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC))
			for range 200 {
				next, _ := w.Next(last)
				if gap := next.Sub(last); gap < 7*24*time.Hour-2*time.Hour || gap > 7*24*time.Hour+2*time.Hour {
					t.Fatalf("%s: %s follows %s", w, next, last)
				}
				if next.In(loc).Weekday() != time.Sunday {
					t.Fatalf("%s begins on a %s: %s", w, next.In(loc).Weekday(), next.In(loc))
				}
				last = next
			}
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"Sun 03:00 Europe/Zurich":     "Sun 03:00 Europe/Zurich 2h",
		"saturday 23:30":              "Sat 23:30 UTC 2h",
		"Mon 00:00 3h":                "Mon 00:00 UTC 3h",
		"tue 01:15 Asia/Tokyo 90m":    "Tue 01:15 Asia/Tokyo 90m",
		"Sun":                         "",
		"Someday 03:00":               "",
		"Sun 3:00":                    "",
		"Sun 03:00 Europe/Zuerich":    "",
		"Sun 03:00 UTC 10m":           "",
		"Sun 03:00 UTC 24h":           "",
		"Sun 03:00 UTC 2h and onward": "",
	} {
		got, err := Default("UTC").Parse(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %s, %v; want %q", text, got, err, want)
		}
	}
}
