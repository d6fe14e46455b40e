package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
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
		p := Price{Item: Item(r.Item), Unit: Unit(r.Unit), Amount: r.Amount, Currency: r.Currency, Mode: Mode(r.Mode), Minimum: r.Minimum, Plan: r.Plan}
		if err := json.Unmarshal(r.Tiers, &p.Tiers); err != nil {
			return nil, fmt.Errorf("the tiers of %s in price list revision %s: %w", r.Item, r.PriceListRevisionID, err)
		}
		book[k] = append(book[k], p)
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

// everything is a watermark after all that is ever recorded.
var everything = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// AsOf is a watermark; zero stands for one after all that is ever recorded.
func AsOf(watermark time.Time) time.Time {
	if watermark.IsZero() {
		return everything
	}
	return watermark
}

// Charges returns the lines of a month up to until, from what had been recorded by the
// watermark; zero: from all that is known now. The same watermark gives the same
// Canonical bytes at any later time, provided that all that was recorded by it had been
// committed when it was first used: take one some seconds old. Discounts are those of the
// whole organization, and in the lines of no project or instance alone.
func Charges(ctx context.Context, tx store.Tx, f Filter, m Month, until, watermark time.Time) ([]Line, error) {
	course, err := courseAt(ctx, tx, f, m, AsOf(watermark))
	return course.Lines(until), err
}

// readUses returns the segments and the links of backups that touch the month, with
// their prices, as they were known at the watermark.
func readUses(ctx context.Context, tx store.Tx, f Filter, m Month, watermark time.Time) ([]Use, error) {
	q := billingdb.New(tx)
	rows, err := usesRows(ctx, q, f, m, watermark)
	if err != nil {
		return nil, err
	}
	backups, err := backupUsesRows(ctx, q, f, m, watermark)
	if err != nil {
		return nil, err
	}
	uses := make([]Use, 0, len(rows)+len(backups))
	for _, r := range rows {
		s := Segment{From: r.FromAt.UTC(), To: endKnown(r.ToAt, r.ToRecordedAt, watermark), State: State(r.State), ComputeBilled: r.ComputeBilled, StorageBilled: r.StorageBilled,
			Terms: Terms{Project: r.ProjectID, Plan: r.PlanRevisionID, PriceList: r.PriceListRevisionID, ServiceLevel: r.ServiceLevel, StorageGiB: r.StorageGib}}
		uses = append(uses, Use{Segment: s, ID: r.ID, InstanceID: r.InstanceID, Project: r.Project, Instance: r.Instance, Gone: r.Gone, Service: r.Service, Plan: r.Plan})
	}
	for _, r := range backups {
		s := Segment{From: r.FromAt.UTC(), To: endKnown(r.ToAt, r.ToRecordedAt, watermark),
			Terms: Terms{Project: r.ProjectID, Plan: r.PlanRevisionID, PriceList: r.PriceListRevisionID, ServiceLevel: r.ServiceLevel}}
		uses = append(uses, Use{Segment: s, ID: r.ID, InstanceID: r.InstanceID, BackupBytes: r.Bytes, Project: r.Project, Instance: r.Instance, Gone: r.Gone, Service: r.Service, Plan: r.Plan})
	}
	counted, err := usageUses(ctx, q, f, m, watermark)
	if err != nil {
		return nil, err
	}
	uses = append(uses, counted...)
	t, err := readTariffs(ctx, tx, uses, m.Location, watermark)
	if err != nil {
		return nil, err
	}
	uses = t.split(uses)
	return uses, first(ctx, q, uses, watermark)
}

// first marks the uses at whose beginning an instance was ready for the first time,
// where that is charged.
func first(ctx context.Context, q *billingdb.Queries, uses []Use, watermark time.Time) error {
	var charged []uuid.UUID
	seen := map[uuid.UUID]bool{}
	for _, u := range uses {
		if u.ComputeBilled && !seen[u.InstanceID] && slices.ContainsFunc(u.Prices, func(p Price) bool { return p.Item == ItemSetup }) {
			seen[u.InstanceID] = true
			charged = append(charged, u.InstanceID)
		}
	}
	if len(charged) == 0 {
		return nil
	}
	rows, err := q.FirstReady(ctx, billingdb.FirstReadyParams{Instances: charged, Watermark: watermark})
	if err != nil {
		return err
	}
	at := map[uuid.UUID]time.Time{}
	for _, r := range rows {
		at[r.InstanceID] = r.At
	}
	for i := range uses {
		uses[i].First = uses[i].ComputeBilled && uses[i].From.Equal(at[uses[i].InstanceID])
	}
	return nil
}

// endKnown is where a link ends, as far as that was recorded by the watermark; zero:
// it goes on.
func endKnown(to, recorded *time.Time, watermark time.Time) time.Time {
	if to == nil || recorded.After(watermark) {
		return time.Time{}
	}
	return to.UTC()
}

func usesRows(ctx context.Context, q *billingdb.Queries, f Filter, m Month, watermark time.Time) ([]billingdb.UsesRow, error) {
	if f.Instance == nil {
		return q.Uses(ctx, billingdb.UsesParams{OrganizationID: f.Organization, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark, ProjectID: f.Project})
	}
	rows, err := q.UsesOfInstance(ctx, billingdb.UsesOfInstanceParams{OrganizationID: f.Organization, InstanceID: *f.Instance, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark})
	of := make([]billingdb.UsesRow, len(rows))
	for i, r := range rows {
		of[i] = billingdb.UsesRow(r)
	}
	return of, err
}

func backupUsesRows(ctx context.Context, q *billingdb.Queries, f Filter, m Month, watermark time.Time) ([]billingdb.BackupUsesRow, error) {
	if f.Instance == nil {
		return q.BackupUses(ctx, billingdb.BackupUsesParams{OrganizationID: f.Organization, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark, ProjectID: f.Project})
	}
	rows, err := q.BackupUsesOfInstance(ctx, billingdb.BackupUsesOfInstanceParams{OrganizationID: f.Organization, InstanceID: *f.Instance, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark})
	of := make([]billingdb.BackupUsesRow, len(rows))
	for i, r := range rows {
		of[i] = billingdb.BackupUsesRow(r)
	}
	return of, err
}
