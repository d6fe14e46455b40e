package billing

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/compare"
	"souk/internal/money"
)

// ItemDiscount is the item of a line that an agreement reduces others by.
const ItemDiscount Item = "discount"

// AgreementKind says how an agreement reduces what it covers.
type AgreementKind string

// The kinds, in the order in which they apply.
const (
	AgreementVolume  AgreementKind = "volume"  // each part of what a month comes to by the percentage of its tier
	AgreementPercent AgreementKind = "percent" // by a percentage
	AgreementAmount  AgreementKind = "amount"  // by an amount of money a month
)

// AgreementKinds are all kinds, in the order in which they apply.
var AgreementKinds = []AgreementKind{AgreementVolume, AgreementPercent, AgreementAmount}

// DiscountTier is the percentage of what lies above the tier before.
type DiscountTier struct {
	UpTo    money.Amount `json:"upTo"` // zero, in the last one: without end
	Percent money.Amount `json:"percent"`
}

// Agreement is a discount that holds for an organization in a time.
type Agreement struct {
	ID       uuid.UUID
	Name     string
	Kind     AgreementKind
	Percent  money.Amount   // of AgreementPercent
	Amount   money.Amount   // of AgreementAmount: for a calendar month; for a part of one, that part
	Tiers    []DiscountTier // of AgreementVolume
	Currency string         // of what it reduces
	Service  string         // what it reduces; "" is any, as with the next two
	Plan     string
	Item     Item
	From, To time.Time // To zero: it has no end
	Recorded time.Time
}

// covers says whether it reduces what is billed by a line.
func (a *Agreement) covers(g grain) bool {
	return a.Currency == g.currency && (a.Service == "" || a.Service == g.service) && (a.Plan == "" || a.Plan == g.plan) && (a.Item == "" || a.Item == g.item)
}

// within returns what of the time from the one to the other it holds in.
func (a *Agreement) within(from, to time.Time) time.Duration {
	from = compare.Later(from, a.From)
	if !a.To.IsZero() {
		to = compare.Earlier(to, a.To)
	}
	return max(to.Sub(from), 0)
}

// inOrder are agreements in the order in which they apply: by kind, then those first that
// were recorded first.
func inOrder(all []Agreement) []Agreement {
	return slices.SortedFunc(slices.Values(all), func(a, b Agreement) int {
		return cmp.Or(cmp.Compare(slices.Index(AgreementKinds, a.Kind), slices.Index(AgreementKinds, b.Kind)), a.Recorded.Compare(b.Recorded), bytes.Compare(a.ID[:], b.ID[:]))
	})
}

// readAgreements returns what was agreed on for a month, as it was known at the watermark.
// An agreement is of a whole organization: of a part of one there are none.
func readAgreements(ctx context.Context, q *billingdb.Queries, f Filter, m Month, watermark time.Time) ([]Agreement, error) {
	if f.Project != nil || f.Instance != nil {
		return nil, nil
	}
	rows, err := q.AgreementsKnown(ctx, billingdb.AgreementsKnownParams{OrganizationID: f.Organization, Watermark: watermark,
		SinceDay: m.From.In(m.Location).Format(time.DateOnly), UntilDay: m.To.In(m.Location).Format(time.DateOnly)})
	if err != nil {
		return nil, err
	}
	all := make([]Agreement, len(rows))
	for i, r := range rows {
		a := &all[i]
		*a = Agreement{ID: r.ID, Name: r.Name, Kind: AgreementKind(r.Kind), Percent: r.Percent, Amount: r.Amount, Currency: r.Currency, Service: r.Service, Plan: r.Plan, Item: Item(r.Item), Recorded: r.RecordedAt}
		if err := json.Unmarshal(r.Tiers, &a.Tiers); err != nil {
			return nil, fmt.Errorf("the tiers of agreement %s: %w", a.ID, err)
		}
		if a.From, err = beginning(r.FromDay, m.Location); err != nil {
			return nil, err
		}
		if r.ToDay == "" {
			continue
		}
		if a.To, err = beginning(r.ToDay, m.Location); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// beginning is when a day begins in a time zone.
func beginning(day string, zone *time.Location) (time.Time, error) {
	at, err := time.ParseInLocation(time.DateOnly, day, zone)
	return at.UTC(), err
}
