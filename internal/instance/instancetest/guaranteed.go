package instancetest

import (
	"testing"

	"souk/internal/catalog"
	"souk/internal/store"
	"souk/services/postgresql"
)

// Domains has the agents report these failure domains.
func (w *World) Domains(t testing.TB, names ...string) {
	t.Helper()
	w.Superuser(t, false, "UPDATE zone_agents SET info = info || jsonb_build_object('failureDomains', $1::text[])", names)
}

// GuaranteedPrices are Prices, and those of guaranteed availability.
func GuaranteedPrices() []catalog.PriceEntry {
	all := Prices()
	for _, e := range Prices() {
		e.ServiceLevel, e.Amount = catalog.Guaranteed, e.Amount+"5"
		all = append(all, e)
	}
	return all
}

// OfferGuaranteed offers PostgreSQL in zone local with guaranteed availability
// too, and returns why it could not.
func (w *World) OfferGuaranteed(t testing.TB) error {
	t.Helper()
	return w.Store.System(t.Context(), func(tx store.Tx) error {
		now := w.Clock.Now()
		list, err := catalog.PublishPriceList(t.Context(), tx, w.Provider, "guaranteed", "CHF", GuaranteedPrices(), now)
		if err != nil {
			return err
		}
		revision, err := catalog.PublishPackage(t.Context(), tx, w.Provider, postgresql.Package().Definition, now)
		if err != nil {
			return err
		}
		return catalog.PublishOffering(t.Context(), tx, "postgresql", w.Zone, revision, list, catalog.Guaranteed, now)
	})
}
