package billing

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/store"
)

// Policy says what a revision of a price list prices beside new orders and changes.
type Policy string

// The policies.
const (
	PolicyNewOrders  Policy = "new-orders"  // nothing: what was ordered keeps its prices until it changes
	PolicyNow        Policy = "now"         // what runs, from when the revision is published
	PolicyNextPeriod Policy = "next-period" // what runs, from the beginning of the next month in the account's time zone
)

// Policies are all of them; the first is what a revision has that names none.
var Policies = []Policy{PolicyNewOrders, PolicyNow, PolicyNextPeriod}

// revision is one of a price list.
type revision struct {
	id, list  uuid.UUID
	number    int32
	policy    Policy
	published time.Time
}

// begins is from when on a revision prices what was ordered before; zero: never.
func (r revision) begins(zone *time.Location) time.Time {
	switch r.policy {
	case PolicyNow:
		return r.published
	case PolicyNextPeriod:
		return MonthOf(r.published, zone).To
	}
	return time.Time{}
}

// tariffs are the revisions of price lists, with their prices.
type tariffs struct {
	revisions map[uuid.UUID]revision
	later     map[uuid.UUID][]revision // by list: those that price what was ordered before, in their order
	book      PriceBook
	prices    map[priceKey][]Price // by what was looked up in the book
	zone      *time.Location
	ready     map[uuid.UUID]time.Time // when instances were ready for the first time
}

// readTariffs reads what prices uses, as it was known at the watermark.
func readTariffs(ctx context.Context, tx store.Tx, uses []Use, zone *time.Location, watermark time.Time) (tariffs, error) {
	t := tariffs{revisions: map[uuid.UUID]revision{}, later: map[uuid.UUID][]revision{}, prices: map[priceKey][]Price{}, zone: zone, ready: map[uuid.UUID]time.Time{}}
	needed, instances := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	for _, u := range uses {
		needed[u.Terms.PriceList], instances[u.InstanceID] = true, true
	}
	q := billingdb.New(tx)
	rows, err := q.RevisionsOfLists(ctx, billingdb.RevisionsOfListsParams{Revisions: slices.Collect(maps.Keys(needed)), Watermark: watermark})
	if err != nil {
		return t, err
	}
	for _, r := range rows {
		v := revision{r.ID, r.PriceListID, r.Revision, Policy(r.Policy), r.PublishedAt.UTC()}
		t.revisions[v.id] = v
		if v.policy != PolicyNewOrders {
			t.later[v.list] = append(t.later[v.list], v)
			needed[v.id] = true
		}
	}
	if t.book, err = LoadPrices(ctx, tx, slices.Collect(maps.Keys(needed))); err != nil || len(t.later) == 0 {
		return t, err
	}
	first, err := q.FirstReady(ctx, billingdb.FirstReadyParams{Instances: slices.Collect(maps.Keys(instances)), Watermark: watermark})
	for _, r := range first {
		t.ready[r.InstanceID] = r.At
	}
	return t, err
}

// pricesOf are those that a revision has for a use; nil: none.
func (t tariffs) pricesOf(u *Use, revision uuid.UUID) []Price {
	k := priceKey{revision, u.Service, u.Plan, u.Terms.ServiceLevel}
	if _, found := t.prices[k]; !found {
		t.prices[k] = t.book.For(k.revision, k.service, k.plan, k.level)
	}
	return t.prices[k]
}

// repricing are the later revisions of a use's list that price it, too: those that have
// prices for it, and began when its instance had been ready once. An order that was open
// then keeps the revision that it was shown.
func (t tariffs) repricing(u *Use) []revision {
	accepted, known := t.revisions[u.Terms.PriceList]
	ready, was := t.ready[u.InstanceID]
	if !known || !was {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.later[accepted.list]), func(r revision) bool {
		return r.number <= accepted.number || r.begins(t.zone).Before(ready) || t.pricesOf(u, r.id) == nil
	})
}

// split cuts uses where a later revision begins to price them, and gives each its prices.
// Of several revisions that have begun the one with the highest number counts. What a
// meter has counted is priced by where its time begins.
func (t tariffs) split(uses []Use) []Use {
	out := make([]Use, 0, len(uses))
	add := func(u Use) {
		u.Prices = t.pricesOf(&u, u.Terms.PriceList)
		out = append(out, u)
	}
	for i := range uses {
		u := uses[i]
		later := t.repricing(&u)
		if len(later) == 0 {
			add(u)
			continue
		}
		accepted := u.Terms.PriceList
		for _, at := range t.beginnings(&u, later) {
			if at.After(u.From) { // the part before it
				begin := u
				begin.To = at
				add(begin)
				u.From = at
			}
			u.Terms.PriceList = t.inForce(accepted, later, at)
		}
		add(u)
	}
	return out
}

// beginnings are where a use begins, and where within it revisions do, in order.
func (t tariffs) beginnings(u *Use, later []revision) []time.Time {
	all := []time.Time{u.From}
	for _, r := range later {
		if at := r.begins(t.zone); u.Meter == "" && at.After(u.From) && (u.To.IsZero() || at.Before(u.To)) {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// inForce is the revision that prices at a moment what was accepted with one.
func (t tariffs) inForce(accepted uuid.UUID, later []revision, at time.Time) uuid.UUID {
	for _, r := range slices.Backward(later) {
		if !r.begins(t.zone).After(at) {
			return r.id
		}
	}
	return accepted
}

// Priced is what an instance is priced by from a moment on.
type Priced struct {
	From     time.Time
	Revision int // of its price list
	Prices   []Price
}

// PricedFrom returns by which prices an instance that was accepted with terms is priced at
// a moment, and after that by those that are published already, in the order of time.
func PricedFrom(ctx context.Context, tx store.Tx, instance uuid.UUID, service, plan string, terms Terms, zone *time.Location, at time.Time) ([]Priced, error) {
	all, err := AllPricedFrom(ctx, tx, []Use{{Segment: Segment{Terms: terms}, InstanceID: instance, Service: service, Plan: plan}}, zone, at)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// AllPricedFrom is PricedFrom for each of several instances, whose uses have no time.
func AllPricedFrom(ctx context.Context, tx store.Tx, uses []Use, zone *time.Location, at time.Time) ([][]Priced, error) {
	t, err := readTariffs(ctx, tx, uses, zone, everything)
	if err != nil {
		return nil, err
	}
	out := make([][]Priced, len(uses))
	for i, u := range uses {
		out[i] = t.pricedFrom(u, at)
	}
	return out, nil
}

func (t tariffs) pricedFrom(u Use, at time.Time) (out []Priced) {
	u.From = at
	for _, part := range t.split([]Use{u}) {
		out = append(out, Priced{part.From, int(t.revisions[part.Terms.PriceList].number), part.Prices})
	}
	return out
}
