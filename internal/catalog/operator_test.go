package catalog_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
	"souk/services/postgresql"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var at = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)

// On a record without any demonstration data the operator makes a provider, a
// zone, prices and an offering; what it publishes first makes it a provider itself.
func TestCatalogFromNothing(t *testing.T) {
	st, err := store.Open(t.Context(), storetest.NewConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	system := func(f func(ctx context.Context, tx store.Tx) error) {
		t.Helper()
		if err := st.System(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
	}
	o := catalog.Operator{Packages: map[string]servicepkg.Package{"postgresql": postgresql.Package()}, At: at}
	system(func(ctx context.Context, tx store.Tx) (err error) {
		o.Organization, err = tenancy.Seed{Name: "hoster", DisplayName: "The hoster", Kinds: []string{"operator"}, TimeZone: "UTC"}.Plant(ctx, tx, at)
		if err != nil {
			return err
		}
		_, err = tenancy.Seed{Name: "dc", Kinds: []string{"csp"}, TimeZone: "UTC"}.Plant(ctx, tx, at)
		return err
	})
	system(func(ctx context.Context, tx store.Tx) error {
		if _, _, err := catalog.MakeProvider(ctx, tx, api.ProviderCreate{Name: "dc", Kind: "csp", Organization: "dc"}, at); err != nil {
			return err
		}
		_, _, err := catalog.MakeZone(ctx, tx, api.ZoneCreate{Name: "geneva", Provider: "dc", Driver: "kubernetes", Capacity: api.Capacity{CPUMillis: 1, MemoryMiB: 1, StorageGiB: 1, Instances: 1}}, at)
		return err
	})
	system(func(ctx context.Context, tx store.Tx) error {
		_, err := o.PublishPrices(ctx, tx, "list", api.PriceListPut{Currency: "CHF", Prices: []api.ListPrice{{Service: "postgresql", ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: "1"}}})
		return err
	})
	for range 2 {
		system(func(ctx context.Context, tx store.Tx) error {
			_, err := o.Offer(ctx, tx, "geneva", api.OfferingPut{Service: "postgresql", ServiceLevel: "best-effort", PriceList: "list"})
			return err
		})
	}
	system(func(ctx context.Context, tx store.Tx) error {
		providers, err := catalog.Providers(ctx, tx)
		if err != nil {
			return err
		}
		if len(providers) != 2 || providers[1] != (api.Provider{Name: "hoster", Title: "The hoster", Kind: "operator", Organization: "hoster"}) {
			t.Errorf("providers: %+v", providers)
		}
		offers, err := catalog.New().Offers(ctx, tx, "postgresql", "geneva")
		if err == nil && (len(offers) != 1 || offers[0].OfferingRevision != 1 || len(offers[0].Plans) != 3) {
			t.Errorf("offers: %+v", offers)
		}
		return err
	})
}

// A price list that is there gets the prices of services that it has none for, and
// keeps what it says of the others.
func TestPriceListGetsWhatItLacks(t *testing.T) {
	st, err := store.Open(t.Context(), storetest.NewConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	price := func(service, amount string) catalog.PriceEntry {
		return catalog.PriceEntry{Service: service, ServiceLevel: catalog.BestEffort, Item: "storage", Unit: "GiB-month", Amount: amount}
	}
	err = st.System(t.Context(), func(tx store.Tx) error {
		ctx, q := t.Context(), catalogdb.New(tx)
		organization, err := tenancy.Seed{Name: "hoster", Kinds: []string{"operator"}, TimeZone: "UTC"}.Plant(ctx, tx, at)
		if err != nil {
			return err
		}
		provider, err := q.InsertProvider(ctx, catalogdb.InsertProviderParams{ID: store.NewID(), OrganizationID: organization, Name: "hoster", Title: "Hoster", Kind: "operator", CreatedAt: at})
		if err != nil {
			return err
		}
		var last uuid.UUID
		for _, c := range []struct {
			entries []catalog.PriceEntry
			has     string
			moves   bool
		}{
			{[]catalog.PriceEntry{price("a", "1")}, "a 1.00 ", true},
			{[]catalog.PriceEntry{price("a", "2"), price("b", "3")}, "a 1.00 b 3.00 ", true},
			{[]catalog.PriceEntry{price("a", "2"), price("b", "4")}, "a 1.00 b 3.00 ", false},
		} {
			revision, err := catalog.EnsurePriceList(ctx, tx, provider, "demo", "CHF", c.entries, at)
			if err != nil {
				return err
			}
			rows, err := q.PricesOf(ctx, revision)
			if err != nil {
				return err
			}
			has := ""
			for _, r := range rows {
				has += r.Service + " " + r.Amount.String() + " "
			}
			if has != c.has || (revision != last) != c.moves {
				t.Errorf("the list has %q, want %q; published anew: %v", has, c.has, revision != last)
			}
			last = revision
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
