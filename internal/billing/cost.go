package billing

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/money"
	"souk/internal/store"
)

// PriceBook holds the prices of price list revisions.
type PriceBook map[priceKey][]Price

type priceKey struct {
	revision             uuid.UUID
	service, plan, level string
}

// LoadPrices reads the prices of the revisions.
func LoadPrices(ctx context.Context, tx store.Tx, revisions []uuid.UUID) (PriceBook, error) {
	rows, err := billingdb.New(tx).PricesOfRevisions(ctx, revisions)
	if err != nil {
		return nil, err
	}
	book := PriceBook{}
	for _, r := range rows {
		k := priceKey{r.PriceListRevisionID, r.Service, r.Plan, r.ServiceLevel}
		book[k] = append(book[k], Price{Item(r.Item), Unit(r.Unit), r.Amount, r.Currency})
	}
	return book, nil
}

// For returns what a plan is priced by: its own prices, and for items that it
// has none of, those for every plan. It returns nothing where the plan has no
// compute price, as it is then not for sale.
func (b PriceBook) For(revision uuid.UUID, service, plan, level string) []Price {
	prices := slices.Clone(b[priceKey{revision, service, plan, level}])
	for _, general := range b[priceKey{revision, service, "", level}] {
		if !slices.ContainsFunc(prices, func(p Price) bool { return p.Item == general.Item }) {
			prices = append(prices, general)
		}
	}
	if !slices.ContainsFunc(prices, func(p Price) bool { return p.Item == ItemCompute }) {
		return nil
	}
	return prices
}

// Filter chooses what to cost; nil means all. Project is not looked at where
// Instance is given.
type Filter struct {
	Organization      uuid.UUID
	Project, Instance *uuid.UUID
}

// Costs returns the lines of a month so far.
func Costs(ctx context.Context, tx store.Tx, f Filter, m Month, until time.Time) ([]Line, error) {
	uses, err := readUses(ctx, tx, f, m)
	if err != nil {
		return nil, err
	}
	return Rate(uses, m, until), nil
}

// readUses returns the segments and the links of backups that touch the month, with
// their prices.
func readUses(ctx context.Context, tx store.Tx, f Filter, m Month) ([]Use, error) {
	q := billingdb.New(tx)
	rows, err := usesRows(ctx, q, f, m)
	if err != nil {
		return nil, err
	}
	backups, err := backupUsesRows(ctx, q, f, m)
	if err != nil {
		return nil, err
	}
	var revisions []uuid.UUID
	for _, r := range rows {
		if !slices.Contains(revisions, r.PriceListRevisionID) {
			revisions = append(revisions, r.PriceListRevisionID)
		}
	}
	for _, r := range backups {
		if !slices.Contains(revisions, r.PriceListRevisionID) {
			revisions = append(revisions, r.PriceListRevisionID)
		}
	}
	book, err := LoadPrices(ctx, tx, revisions)
	if err != nil {
		return nil, err
	}
	prices := map[priceKey][]Price{}
	priced := func(k priceKey) []Price {
		if _, known := prices[k]; !known {
			prices[k] = book.For(k.revision, k.service, k.plan, k.level)
		}
		return prices[k]
	}
	uses := make([]Use, 0, len(rows)+len(backups))
	for _, r := range rows {
		s := Segment{From: r.FromAt, To: endOf(r.ToAt), ComputeBilled: r.ComputeBilled, StorageBilled: r.StorageBilled, Terms: Terms{StorageGiB: r.StorageGib}}
		uses = append(uses, Use{Segment: s, Project: r.Project, Instance: r.Instance, Gone: r.Gone, Service: r.Service, Plan: r.Plan,
			Prices: priced(priceKey{r.PriceListRevisionID, r.Service, r.Plan, r.ServiceLevel})})
	}
	for _, r := range backups {
		uses = append(uses, Use{Segment: Segment{From: r.FromAt, To: endOf(r.ToAt)}, BackupBytes: r.Bytes, Project: r.Project, Instance: r.Instance, Gone: r.Gone, Service: r.Service, Plan: r.Plan,
			Prices: priced(priceKey{r.PriceListRevisionID, r.Service, r.Plan, r.ServiceLevel})})
	}
	return uses, nil
}

// endOf is where a link ends; zero: it goes on.
func endOf(to *time.Time) time.Time {
	if to == nil {
		return time.Time{}
	}
	return *to
}

func usesRows(ctx context.Context, q *billingdb.Queries, f Filter, m Month) ([]billingdb.UsesRow, error) {
	if f.Instance == nil {
		return q.Uses(ctx, billingdb.UsesParams{OrganizationID: f.Organization, PeriodFrom: m.From, PeriodTo: m.To, ProjectID: f.Project})
	}
	rows, err := q.UsesOfInstance(ctx, billingdb.UsesOfInstanceParams{OrganizationID: f.Organization, InstanceID: *f.Instance, PeriodFrom: m.From, PeriodTo: m.To})
	of := make([]billingdb.UsesRow, len(rows))
	for i, r := range rows {
		of[i] = billingdb.UsesRow(r)
	}
	return of, err
}

func backupUsesRows(ctx context.Context, q *billingdb.Queries, f Filter, m Month) ([]billingdb.BackupUsesRow, error) {
	if f.Instance == nil {
		return q.BackupUses(ctx, billingdb.BackupUsesParams{OrganizationID: f.Organization, PeriodFrom: m.From, PeriodTo: m.To, ProjectID: f.Project})
	}
	rows, err := q.BackupUsesOfInstance(ctx, billingdb.BackupUsesOfInstanceParams{OrganizationID: f.Organization, InstanceID: *f.Instance, PeriodFrom: m.From, PeriodTo: m.To})
	of := make([]billingdb.BackupUsesRow, len(rows))
	for i, r := range rows {
		of[i] = billingdb.BackupUsesRow(r)
	}
	return of, err
}

// Total adds the lines up.
func Total(lines []Line) money.Amount {
	var sum money.Amount
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	return sum
}
