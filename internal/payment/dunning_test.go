package payment

import (
	"strings"
	"testing"
)

// What is done about an invoice that was due on the first of December, day by day.
func TestDunningByDays(t *testing.T) {
	for name, c := range map[string]struct {
		rules Rules
		from  string // the first day on which anybody looks
		want  string
	}{
		"as the rules have it": {DefaultRules, "2026-12-01", "reminder 2026-12-11, second 2026-12-21, announced 2026-12-24, suspended 2026-12-31"},
		"with other rules":     {Rules{ReminderDays: 1, SecondDays: 2, SuspendDays: 5, NoticeDays: 3}, "2026-12-01", "reminder 2026-12-02, second 2026-12-03, announced 2026-12-03, suspended 2026-12-06"},
		// Nobody is suspended without having had the time that the rules give.
		"after an outage": {DefaultRules, "2027-03-01", "reminder 2027-03-01, second 2027-03-11, announced 2027-03-14, suspended 2027-03-21"},
	} {
		t.Run(name, func(t *testing.T) {
			taken, said := map[Step]string{}, []string{}
			for day := c.from; day < "2027-06-01"; day = after(day, 1) {
				for {
					next, on := c.rules.Next("2026-12-01", taken)
					if next == "" || on > day {
						break
					}
					taken[next] = day
					said = append(said, string(next)+" "+day)
				}
			}
			if got := strings.Join(said, ", "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
