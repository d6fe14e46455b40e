// Package catalog holds what is offered, where and at what price, in immutable
// revisions.
package catalog

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/money"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Catalog reads the catalog. Definitions never change, so it keeps those it has read.
type Catalog struct {
	mu          sync.Mutex
	definitions map[uuid.UUID]*Definition // by package revision
}

// New returns a Catalog.
func New() *Catalog { return &Catalog{definitions: map[uuid.UUID]*Definition{}} }

// Definition is a package revision with its compiled schema.
type Definition struct {
	servicepkg.Definition
	Schema *servicepkg.Schema
}

// Offer is the newest revision of an offering: a service in a zone at a service
// level, with its plans and prices.
type Offer struct {
	catalogdb.CurrentOfferingsRow
	Definition *Definition
	Plans      []PlanOffer // cheapest first
}

// PlanOffer is the newest revision of a plan with its prices in an offer.
type PlanOffer struct {
	catalogdb.PlanRevision
	Prices []billing.Price
}

// Plan returns the plan of that name, or false.
func (o *Offer) Plan(name string) (PlanOffer, bool) {
	i := slices.IndexFunc(o.Plans, func(p PlanOffer) bool { return p.Name == name })
	if i < 0 {
		return PlanOffer{}, false
	}
	return o.Plans[i], true
}

// Offers returns the newest offers of a service (or of all, for ""), in a zone
// (or all), withdrawn ones included, sorted by service, zone and level: the oldest
// zone first, as it is the one that is meant where none is named.
func (c *Catalog) Offers(ctx context.Context, tx store.Tx, service, zone string) ([]Offer, error) {
	rows, err := catalogdb.New(tx).CurrentOfferings(ctx, catalogdb.CurrentOfferingsParams{Service: service, Zone: zone})
	if err != nil {
		return nil, err
	}
	offers := make([]Offer, 0, len(rows))
	for _, r := range rows {
		o := Offer{CurrentOfferingsRow: r}
		if o.Definition, err = c.Definition(ctx, tx, r.PackageRevisionID); err != nil {
			return nil, err
		}
		if o.Plans, err = plans(ctx, tx, r); err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	slices.SortFunc(offers, func(a, b Offer) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), a.ZoneCreatedAt.Compare(b.ZoneCreatedAt), cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.ServiceLevel, b.ServiceLevel))
	})
	return offers, nil
}

func plans(ctx context.Context, tx store.Tx, r catalogdb.CurrentOfferingsRow) ([]PlanOffer, error) {
	revisions, err := catalogdb.New(tx).CurrentPlans(ctx, r.Service)
	if err != nil {
		return nil, err
	}
	book, err := billing.LoadPrices(ctx, tx, []uuid.UUID{r.PriceListRevisionID})
	if err != nil {
		return nil, err
	}
	out := make([]PlanOffer, 0, len(revisions))
	for _, p := range revisions {
		prices := book.For(r.PriceListRevisionID, r.Service, p.Name, r.ServiceLevel)
		if len(prices) > 0 { // a plan without a price is not offered
			out = append(out, PlanOffer{p, prices})
		}
	}
	slices.SortFunc(out, func(a, b PlanOffer) int {
		return cmp.Or(computePrice(a).Cmp(computePrice(b)), cmp.Compare(a.MemoryMib, b.MemoryMib), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// PlansOf are the plans of all offers of a service, each once: a zone need not sell
// what another does.
func PlansOf(offers []Offer) []PlanOffer {
	var all []PlanOffer
	for _, o := range offers {
		for _, p := range o.Plans {
			if !slices.ContainsFunc(all, func(known PlanOffer) bool { return known.Name == p.Name }) {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b PlanOffer) int {
		return cmp.Or(cmp.Compare(a.CpuMillis, b.CpuMillis), cmp.Compare(a.MemoryMib, b.MemoryMib), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func computePrice(p PlanOffer) money.Amount {
	for _, pr := range p.Prices {
		if pr.Item == billing.ItemCompute {
			return pr.Amount
		}
	}
	return money.Amount{}
}

// Definition returns a package revision.
func (c *Catalog) Definition(ctx context.Context, tx store.Tx, revision uuid.UUID) (*Definition, error) {
	c.mu.Lock()
	d := c.definitions[revision]
	c.mu.Unlock()
	if d != nil {
		return d, nil
	}
	read, err := definition(ctx, catalogdb.New(tx), revision)
	if err != nil {
		return nil, err
	}
	d = &Definition{Definition: read}
	if d.Schema, err = servicepkg.CompileSchema(d.Definition); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.definitions[revision] = d
	c.mu.Unlock()
	return d, nil
}
