package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Currency is the one that prices are in.
const Currency = "CHF"

// mostPrices bounds a price list.
const mostPrices = 1000

// PublishPrices makes these prices the newest revision of a list, and prices by it
// all that was offered at the list's prices. Where nothing differs nothing is
// published.
func (o Operator) PublishPrices(ctx context.Context, tx store.Tx, name string, put api.PriceListPut) (api.PriceListPublished, error) {
	var out api.PriceListPublished
	if err := o.checkPrices(name, put); err != nil {
		return out, err
	}
	lists, err := catalogdb.New(tx).PriceLists(ctx, name)
	if err != nil {
		return out, err
	}
	var before []catalogdb.Price
	if len(lists) > 0 {
		if before, err = catalogdb.New(tx).PricesOf(ctx, lists[0].RevisionID); err != nil {
			return out, err
		}
	}
	out.Changes = priceChanges(before, put.Prices)
	if len(lists) > 0 && put.Policy != "" && put.Policy != lists[0].Policy {
		out.Changes = append(out.Changes, api.Change{Field: "policy", From: lists[0].Policy, To: put.Policy})
	}
	if out.Published = len(out.Changes) > 0; out.Published {
		if err := o.publishPrices(ctx, tx, name, put); err != nil {
			return out, err
		}
	}
	out.PriceList, err = PriceList(ctx, tx, name)
	return out, err
}

func (o Operator) publishPrices(ctx context.Context, tx store.Tx, name string, put api.PriceListPut) error {
	provider, err := operatorProvider(ctx, tx, o.Organization, o.At)
	if err != nil {
		return err
	}
	revision, err := publishRevision(ctx, tx, provider, name, put.Currency, put.Policy, put.Prices, o.At)
	if err != nil {
		return err
	}
	return o.priceBy(ctx, tx, name, revision)
}

// priceBy moves all that is offered at a list's prices to its newest revision.
func (o Operator) priceBy(ctx context.Context, tx store.Tx, name string, revision uuid.UUID) error {
	q := catalogdb.New(tx)
	all, err := pricedBy(ctx, q, name)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Withdrawn || c.PriceListRevisionID == revision {
			continue
		}
		d, err := definition(ctx, q, c.PackageRevisionID)
		if err != nil {
			return err
		}
		priced, err := prices(ctx, tx, revision, d, c.ServiceLevel)
		if err != nil {
			return err
		}
		if !priced {
			return problem.InvalidField("body.prices", nil, "%s is offered in zone %s at the level %s by this list, and would have no price for the compute of any plan. Keep one, or withdraw it first: souk zone offer %s %s --service-level %s --withdraw.",
				c.Service, c.Zone, c.ServiceLevel, c.Zone, c.Service, c.ServiceLevel)
		}
		err = revise(ctx, q, c, func(r *catalogdb.InsertOfferingRevisionParams) {
			r.PriceListRevisionID, r.PublishedAt = revision, o.At
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pricedBy returns all offerings that the list prices.
func pricedBy(ctx context.Context, q *catalogdb.Queries, name string) ([]catalogdb.CurrentOfferingsRow, error) {
	all, err := q.CurrentOfferings(ctx, catalogdb.CurrentOfferingsParams{})
	all = slices.DeleteFunc(all, func(c catalogdb.CurrentOfferingsRow) bool { return c.PriceList != name })
	slices.SortFunc(all, func(a, b catalogdb.CurrentOfferingsRow) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Service, b.Service), cmp.Compare(a.ServiceLevel, b.ServiceLevel))
	})
	return all, err
}

// checkPrices says what is wrong with a list, price by price.
func (o Operator) checkPrices(name string, put api.PriceListPut) error {
	var wrong problem.Complaints
	wrong.Unless(nameForm.MatchString(name), "path.list", name, nameRule)
	wrong.Unless(put.Currency == Currency, "body.currency", put.Currency, "Prices are in CHF.")
	wrong.Unless(put.Policy == "" || slices.Contains(billing.Policies, billing.Policy(put.Policy)), "body.policy", put.Policy, "It is one of: new-orders, now, next-period.")
	wrong.Unless(len(put.Prices) > 0 && len(put.Prices) <= mostPrices, "body.prices", nil, "A list has from 1 to %d prices.", mostPrices)
	if len(put.Prices) > mostPrices {
		return wrong.Err()
	}
	seen := map[string]bool{}
	for i, p := range put.Prices {
		at := fmt.Sprintf("body.prices[%d].", i)
		o.checkPrice(&wrong, at, p)
		wrong.Unless(!seen[priceField(p)], at+"item", p.Item, "This is priced twice; keep one of them.")
		seen[priceField(p)] = true
	}
	return wrong.Err()
}

func (o Operator) checkPrice(wrong *problem.Complaints, at string, p api.ListPrice) {
	service, known := o.Packages[p.Service]
	wrong.Unless(known, at+"service", p.Service, "There is no service of this name. There are: %s.", o.services())
	if known && p.Plan != "" {
		var plans []string
		for _, each := range service.Definition.Plans {
			plans = append(plans, each.Name)
		}
		wrong.Unless(slices.Contains(plans, p.Plan), at+"plan", p.Plan, "There is no plan of this name. There are: %s. Leave it out for every plan.", strings.Join(plans, ", "))
	}
	wrong.Unless(p.ServiceLevel == BestEffort || p.ServiceLevel == Guaranteed, at+"serviceLevel", p.ServiceLevel, "It is one of: best-effort, guaranteed.")
	items, units := priceable(service.Definition, p.Item)
	wrong.Unless(len(units) > 0, at+"item", p.Item, "It is one of: %s.", strings.Join(items, ", "))
	if len(units) > 0 {
		wrong.Unless(slices.Contains(units, p.Unit), at+"unit", p.Unit, "It is one of: %s.", strings.Join(units, ", "))
	}
	checkAmounts(wrong, at, p)
}

// priceable returns what of a service can have a price, and the units of an item.
func priceable(d servicepkg.Definition, item string) (items, units []string) {
	for _, i := range []billing.Item{billing.ItemCompute, billing.ItemStorage, billing.ItemBackupStorage, billing.ItemSetup} {
		items = append(items, string(i))
		if string(i) == item {
			units = texts(i.Units())
		}
	}
	for _, m := range d.Meters {
		items = append(items, m.Name)
		if m.Name == item {
			units = texts(billing.UnitsCounted(m.Unit))
		}
	}
	return items, units
}

func texts(units []billing.Unit) (all []string) {
	for _, u := range units {
		all = append(all, string(u))
	}
	return all
}

// priceChanges is what differs, sorted.
func priceChanges(before []catalogdb.Price, after []api.ListPrice) []api.Change {
	is, will := map[string]string{}, map[string]string{}
	for _, p := range before {
		is[priceField(listPrice(p))] = priceText(listPrice(p))
	}
	for _, p := range after {
		will[priceField(p)] = priceText(p)
	}
	out := []api.Change{}
	for field, from := range is {
		if to, kept := will[field]; !kept {
			out = append(out, api.Change{Field: field, From: from})
		} else if to != from {
			out = append(out, api.Change{Field: field, From: from, To: to})
		}
	}
	for field, to := range will {
		if _, old := is[field]; !old {
			out = append(out, api.Change{Field: field, To: to})
		}
	}
	slices.SortFunc(out, func(a, b api.Change) int { return cmp.Compare(a.Field, b.Field) })
	return out
}

// priceField names what is priced.
func priceField(p api.ListPrice) string {
	return strings.Join([]string{p.Service, firstOf(p.Plan, "every plan"), p.ServiceLevel, p.Item}, "/")
}

// PriceList returns the newest revision of a list.
func PriceList(ctx context.Context, tx store.Tx, name string) (api.PriceList, error) {
	q := catalogdb.New(tx)
	lists, err := q.PriceLists(ctx, name)
	if err != nil {
		return api.PriceList{}, err
	}
	if len(lists) == 0 || name == "" {
		return api.PriceList{}, problem.NotFound("price list", name)
	}
	return priceListDoc(ctx, q, lists[0])
}

// PriceLists returns the newest revisions of all lists, by name.
func PriceLists(ctx context.Context, tx store.Tx) ([]api.PriceList, error) {
	q := catalogdb.New(tx)
	lists, err := q.PriceLists(ctx, "")
	if err != nil {
		return nil, err
	}
	out := make([]api.PriceList, 0, len(lists))
	for _, l := range lists {
		doc, err := priceListDoc(ctx, q, l)
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	slices.SortFunc(out, func(a, b api.PriceList) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	return out, nil
}

func priceListDoc(ctx context.Context, q *catalogdb.Queries, l catalogdb.PriceListsRow) (api.PriceList, error) {
	out := api.PriceList{Metadata: api.Metadata{ID: l.ID.String(), Name: l.Name, CreatedAt: l.CreatedAt.UTC(), UpdatedAt: l.PublishedAt.UTC()},
		Provider: l.Provider, Currency: l.Currency, Revision: int(l.Revision), Policy: l.Policy, PublishedAt: l.PublishedAt.UTC(), Prices: []api.ListPrice{}, Offerings: []api.Offering{}}
	rows, err := q.PricesOf(ctx, l.RevisionID)
	if err != nil {
		return out, err
	}
	for _, p := range rows {
		out.Prices = append(out.Prices, listPrice(p))
	}
	offered, err := pricedBy(ctx, q, l.Name)
	for _, c := range offered {
		doc := api.Offering{Zone: c.Zone, Service: c.Service, ServiceLevel: c.ServiceLevel, Revision: int(c.OfferingRevision), PriceList: int(c.PriceListRevision),
			PriceListName: c.PriceList, Currency: c.Currency, Plans: []api.PlanPrice{}, Available: !c.Withdrawn}
		if c.Withdrawn {
			doc.Problem = "It is not sold any more."
		}
		out.Offerings = append(out.Offerings, doc)
	}
	return out, err
}

// definition reads the published data of a package revision.
func definition(ctx context.Context, q *catalogdb.Queries, revision uuid.UUID) (servicepkg.Definition, error) {
	raw, err := q.PackageDefinition(ctx, revision)
	if err != nil {
		return servicepkg.Definition{}, err
	}
	var d servicepkg.Definition
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("package revision %s: %w", revision, err)
	}
	return d, nil
}
