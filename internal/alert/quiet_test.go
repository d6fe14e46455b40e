package alert

import (
	"testing"
	"time"

	"souk/api"
)

// Quiet hours end by the clock on the wall, whatever daylight saving does in between.
func TestQuietHours(t *testing.T) {
	night := api.QuietHours{From: "22:00", To: "07:00", Zone: "Europe/Zurich"}
	for _, c := range []struct {
		what     string
		h        api.QuietHours
		now, end string // "": not quiet
	}{
		{"none", api.QuietHours{}, "2026-06-01T23:00:00Z", ""},
		{"before the night", night, "2026-06-01T19:59:59Z", ""},
		{"the night begins", night, "2026-06-01T20:00:00Z", "2026-06-02T05:00:00Z"},
		{"after midnight", night, "2026-06-02T01:30:00Z", "2026-06-02T05:00:00Z"},
		{"the night ends", night, "2026-06-02T05:00:00Z", ""},
		{"a night in which clocks go forward", night, "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"},
		{"a night in which clocks go back", night, "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"},
		{"to a time that is left out", api.QuietHours{From: "01:00", To: "02:30", Zone: "Europe/Zurich"}, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"the hour that comes again, first", api.QuietHours{From: "01:00", To: "02:30", Zone: "Europe/Zurich"}, "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"},
		{"the hour that comes again, then", api.QuietHours{From: "01:00", To: "02:30", Zone: "Europe/Zurich"}, "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
		{"by day", api.QuietHours{From: "12:00", To: "13:00", Zone: "UTC"}, "2026-06-01T12:59:30Z", "2026-06-01T13:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		end, quiet := quietUntil(c.h, now)
		got := ""
		if quiet {
			got = end.UTC().Format(time.RFC3339)
		}
		if got != c.end {
			t.Errorf("%s: until %q, want %q", c.what, got, c.end)
		}
	}
}

func TestQuietHoursAreChecked(t *testing.T) {
	for what, c := range map[string]struct {
		h    api.QuietHours
		good bool
	}{
		"none": {api.QuietHours{}, true}, "a night": {api.QuietHours{From: "22:00", To: "07:00", Zone: "Europe/Zurich"}, true},
		"no zone": {api.QuietHours{From: "22:00", To: "07:00"}, false}, "the machine's zone": {api.QuietHours{From: "22:00", To: "07:00", Zone: "Local"}, false},
		"no such zone": {api.QuietHours{From: "22:00", To: "07:00", Zone: "Mars/Base"}, false}, "a path": {api.QuietHours{From: "22:00", To: "07:00", Zone: "../../etc/passwd"}, false},
		"no end": {api.QuietHours{From: "22:00", Zone: "UTC"}, false}, "one digit": {api.QuietHours{From: "9:00", To: "10:00", Zone: "UTC"}, false},
		"all day": {api.QuietHours{From: "10:00", To: "10:00", Zone: "UTC"}, false}, "no such time": {api.QuietHours{From: "24:00", To: "10:00", Zone: "UTC"}, false},
	} {
		if err := checkQuiet("body", &c.h); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}
