package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// PublishPackage makes a definition the newest revision of its service, with
// its plans. Where nothing differs from the newest revision nothing is
// published. It returns the package revision in force.
func PublishPackage(ctx context.Context, tx store.Tx, provider uuid.UUID, d servicepkg.Definition, at time.Time) (uuid.UUID, error) {
	if _, err := servicepkg.CompileSchema(d); err != nil {
		return uuid.Nil, err
	}
	if err := d.CheckMeters(); err != nil {
		return uuid.Nil, err
	}
	q := catalogdb.New(tx)
	service, err := q.EnsureService(ctx, catalogdb.EnsureServiceParams{ID: store.NewID(), ProviderID: provider, Name: d.Name, CreatedAt: at})
	if err != nil {
		return uuid.Nil, err
	}
	if err := publishPlans(ctx, q, service, d, at); err != nil {
		return uuid.Nil, err
	}
	raw, err := json.Marshal(d) // struct fields in order, maps sorted: canonical
	if err != nil {
		return uuid.Nil, err
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	last, err := q.LatestPackage(ctx, service)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, err
	}
	if last.Digest == digest {
		return last.ID, nil
	}
	id := store.NewID()
	return id, q.InsertPackage(ctx, catalogdb.InsertPackageParams{ID: id, ServiceID: service, Revision: last.Revision + 1, Definition: raw, Digest: digest, PublishedAt: at})
}

func publishPlans(ctx context.Context, q *catalogdb.Queries, service uuid.UUID, d servicepkg.Definition, at time.Time) error {
	rows, err := q.CurrentPlans(ctx, d.Name)
	if err != nil {
		return err
	}
	last := map[string]catalogdb.PlanRevision{}
	for _, r := range rows {
		last[r.Name] = r
	}
	for _, p := range d.Plans {
		l := last[p.Name]
		if p == (servicepkg.Plan{Name: l.Name, CPUMillis: l.CpuMillis, MemoryMiB: l.MemoryMib, MinStorageGiB: l.MinStorageGib, MaxStorageGiB: l.MaxStorageGib}) {
			continue
		}
		err := q.InsertPlan(ctx, catalogdb.InsertPlanParams{ID: store.NewID(), ServiceID: service, Name: p.Name, Revision: l.Revision + 1, CpuMillis: p.CPUMillis,
			MemoryMib: p.MemoryMiB, MinStorageGib: p.MinStorageGiB, MaxStorageGib: p.MaxStorageGiB, PublishedAt: at})
		if err != nil {
			return err
		}
	}
	return nil
}

// PriceEntry is one price of a price list.
type PriceEntry = api.ListPrice

// PublishPriceList makes the entries the newest revision of a price list; where
// nothing differs nothing is published. Entries are sorted by service, plan,
// level and item.
func PublishPriceList(ctx context.Context, tx store.Tx, provider uuid.UUID, name, currency string, entries []PriceEntry, at time.Time) (uuid.UUID, error) {
	return publishRevision(ctx, tx, provider, name, currency, "", entries, at)
}

// publishRevision is PublishPriceList with a policy; "" is that of the last revision where
// nothing else differs, and otherwise that new orders alone have the new prices. Where
// others have them as well, it notes that they are to be told.
func publishRevision(ctx context.Context, tx store.Tx, provider uuid.UUID, name, currency, policy string, entries []PriceEntry, at time.Time) (uuid.UUID, error) {
	q := catalogdb.New(tx)
	list, err := q.EnsurePriceList(ctx, catalogdb.EnsurePriceListParams{ID: store.NewID(), ProviderID: provider, Name: name, Currency: currency, CreatedAt: at})
	if err != nil {
		return uuid.Nil, err
	}
	last, err := q.LatestPriceList(ctx, list)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, err
	}
	if err == nil {
		same, err := samePrices(ctx, q, last.ID, entries)
		if err != nil || same && (policy == "" || policy == last.Policy) {
			return last.ID, err
		}
	}
	id := store.NewID()
	policy = cmp.Or(policy, string(billing.PolicyNewOrders))
	err = q.InsertPriceListRevision(ctx, catalogdb.InsertPriceListRevisionParams{ID: id, PriceListID: list, Revision: last.Revision + 1, Currency: currency, PublishedAt: at, Policy: policy})
	if err != nil {
		return uuid.Nil, err
	}
	if policy != string(billing.PolicyNewOrders) {
		if err := q.InsertPriceNotices(ctx, catalogdb.InsertPriceNoticesParams{PriceListID: list, Revision: id}); err != nil {
			return uuid.Nil, err
		}
	}
	for _, e := range entries {
		row, err := priceRow(e)
		if err != nil {
			return uuid.Nil, err
		}
		row.PriceListRevisionID = id
		if err := q.InsertPrice(ctx, row); err != nil {
			return uuid.Nil, err
		}
	}
	return id, nil
}

func samePrices(ctx context.Context, q *catalogdb.Queries, revision uuid.UUID, entries []PriceEntry) (bool, error) {
	rows, err := q.PricesOf(ctx, revision)
	if err != nil || len(rows) != len(entries) {
		return false, err
	}
	old := map[string]string{}
	for _, r := range rows {
		old[priceField(listPrice(r))] = priceText(listPrice(r))
	}
	for _, e := range entries {
		if text, found := old[priceField(e)]; !found || text != priceText(e) {
			return false, nil
		}
	}
	return true, nil
}

// PublishOffering offers a package revision in a zone at a service level, priced
// by a price list revision; where nothing differs nothing is published.
func PublishOffering(ctx context.Context, tx store.Tx, service string, zone, packageRevision, priceList uuid.UUID, level string, at time.Time) error {
	_, err := publishOffering(ctx, tx, service, zone, packageRevision, priceList, level, at)
	return err
}

// publishOffering is PublishOffering; it says whether anything was published.
func publishOffering(ctx context.Context, tx store.Tx, service string, zone, packageRevision, priceList uuid.UUID, level string, at time.Time) (bool, error) {
	q := catalogdb.New(tx)
	serviceID, err := q.ServiceID(ctx, service)
	if err != nil {
		return false, err
	}
	offering, err := q.EnsureOffering(ctx, catalogdb.EnsureOfferingParams{ID: store.NewID(), ServiceID: serviceID, ZoneID: zone, ServiceLevel: level, CreatedAt: at})
	if err != nil {
		return false, err
	}
	last, err := q.LatestOffering(ctx, offering)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, err
	}
	if err == nil && last.PackageRevisionID == packageRevision && last.PriceListRevisionID == priceList && !last.Withdrawn {
		return false, nil
	}
	return true, q.InsertOfferingRevision(ctx, catalogdb.InsertOfferingRevisionParams{ID: store.NewID(), OfferingID: offering, Revision: last.Revision + 1,
		PackageRevisionID: packageRevision, PriceListRevisionID: priceList, PublishedAt: at})
}
