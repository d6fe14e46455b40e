package costs

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/money"
	"souk/internal/store"
)

// Spending returns what an organization, or one project, has spent in the running month so
// far, and what it will have at its end if all goes on as it is; in one currency.
func Spending(ctx context.Context, tx store.Tx, organization uuid.UUID, project *uuid.UUID, m billing.Month, now time.Time, currency string) (spent, expected money.Amount, err error) {
	course, err := billing.CourseOf(ctx, tx, billing.Filter{Organization: organization, Project: project}, m)
	if err != nil {
		return spent, expected, err
	}
	total := func(lines []billing.Line) (sum money.Amount) {
		for _, l := range lines {
			if l.Currency == currency {
				sum = sum.Add(l.Amount)
			}
		}
		return sum
	}
	return total(course.Lines(now)), total(course.Forecast(now)), nil
}
