package payment

import (
	"time"

	"souk/internal/tax"
)

// Step is what is done about an overdue invoice.
type Step string

// The steps, in their order. Each of the first three is a mail; the last suspends the
// customer's instances, and is told of too.
const (
	Reminder  Step = "reminder"
	Second    Step = "second"
	Announced Step = "announced"
	Suspended Step = "suspended"
)

var steps = []Step{Reminder, Second, Announced, Suspended}

// Rules say after how many days what is done.
type Rules struct {
	ReminderDays, SecondDays, SuspendDays int
	NoticeDays                            int // from the announcement of a suspension to it
	Paused                                bool
}

// DefaultRules are those of an issuer who has not said otherwise.
var DefaultRules = Rules{ReminderDays: 10, SecondDays: 20, SuspendDays: 30, NoticeDays: 7}

// days is when a step is taken, in days after the invoice was due.
func (r Rules) days(s Step) int {
	return map[Step]int{Reminder: r.ReminderDays, Second: r.SecondDays, Announced: r.SuspendDays - r.NoticeDays, Suspended: r.SuspendDays}[s]
}

// Next is the step that comes next for an invoice, and the first day on which it is
// taken; "" when all have been. What was done late puts off what follows: between two
// steps there are always as many days as the rules have.
func (r Rules) Next(due tax.Day, taken map[Step]tax.Day) (Step, tax.Day) {
	before, last := 0, due
	for _, s := range steps {
		if on, done := taken[s]; done {
			before, last = r.days(s), on
			continue
		}
		return s, max(after(due, r.days(s)), after(last, r.days(s)-before))
	}
	return "", ""
}

// after is a day so many days later.
func after(d tax.Day, days int) tax.Day {
	t, err := time.Parse(time.DateOnly, d)
	if err != nil {
		return d
	}
	return t.AddDate(0, 0, days).Format(time.DateOnly)
}
