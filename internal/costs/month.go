package costs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/costs/costsdb"
	"souk/internal/store"
)

// Now returns the calendar month that runs in the organization's time zone.
func Now(ctx context.Context, tx store.Tx, organization uuid.UUID, now time.Time) (billing.Month, error) {
	zone, err := costsdb.New(tx).TimeZone(ctx, organization)
	if err != nil {
		return billing.Month{}, err
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return billing.Month{}, err
	}
	return billing.MonthOf(now, loc), nil
}

// MonthError says what is wrong with a month that was asked for.
type MonthError struct{ Field, Value, Message string }

func (e *MonthError) Error() string { return e.Message }

// Months returns the months from the one to the other, both as 2026-11 and included. Where
// to is empty it is the running month; where from is, the same as to.
func Months(from, to string, running billing.Month) ([]billing.Month, error) {
	last, err := parseMonth("to", to, running, running)
	if err != nil {
		return nil, err
	}
	first, err := parseMonth("from", from, last, running)
	if err != nil {
		return nil, err
	}
	if last.From.Before(first.From) {
		return nil, &MonthError{"to", to, "This month is before the first one."}
	}
	months := []billing.Month{first}
	for m := first; m.From.Before(last.From); {
		m = billing.MonthOf(m.To, m.Location)
		months = append(months, m)
		if len(months) > MostMonths {
			return nil, &MonthError{"from", from, fmt.Sprintf("At most %d months can be looked at at once.", MostMonths)}
		}
	}
	return months, nil
}

func parseMonth(field, text string, fallback, running billing.Month) (billing.Month, error) {
	if text == "" {
		return fallback, nil
	}
	at, err := time.ParseInLocation("2006-01", text, running.Location)
	if err != nil || at.Year() < 2000 {
		return billing.Month{}, &MonthError{field, text, "Write a month as 2026-11."}
	}
	m := billing.MonthOf(at, running.Location)
	if running.From.Before(m.From) {
		return billing.Month{}, &MonthError{field, text, fmt.Sprintf("This month has not begun; %s runs.", running)}
	}
	return m, nil
}
