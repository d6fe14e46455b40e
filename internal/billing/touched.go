package billing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/store"
)

// Touched says of each of an organization's months whether its Charges may be others at a
// watermark than they were at one before it; of those of which it says no, they are the
// same bytes. Whatever readUses and readAgreements read counts.
func Touched(ctx context.Context, tx store.Tx, organization uuid.UUID, months []Month, before, watermark time.Time) ([]bool, error) {
	touched := make([]bool, len(months))
	if len(months) == 0 {
		return touched, nil
	}
	q := billingdb.New(tx)
	changed, err := q.ChainsChanged(ctx, billingdb.ChainsChangedParams{OrganizationID: organization, Before: before, Watermark: watermark, Never: everything})
	if err != nil {
		return nil, err
	}
	agreed, err := q.AgreementsChanged(ctx, billingdb.AgreementsChangedParams{OrganizationID: organization, Before: before, Watermark: watermark})
	if err != nil {
		return nil, err
	}
	last := slices.MaxFunc(months, func(a, b Month) int { return a.To.Compare(b.To) })
	days, err := q.UsageChanged(ctx, billingdb.UsageChangedParams{OrganizationID: organization, Before: before, Watermark: watermark, Until: last.To})
	if err != nil {
		return nil, err
	}
	for i, m := range months {
		// What an instance costs from a moment on can depend on what its chain was before it,
		// and an hour of usage is priced by a chain that begins within it.
		touched[i] = changed.Before(m.To.Add(time.Hour)) || slices.ContainsFunc(days, func(day time.Time) bool {
			return day.Before(m.To) && day.AddDate(0, 0, 1).After(m.From)
		}) || agreed != "" && agreed < m.To.In(m.Location).Format(time.DateOnly)
	}
	return touched, nil
}
