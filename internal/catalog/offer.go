package catalog

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/catalog/catalogdb"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Operator offers on behalf of the operator. Its transactions are system ones.
type Operator struct {
	Organization uuid.UUID // the operator's
	Packages     map[string]servicepkg.Package
	At           time.Time
}

// Offer offers a service in a zone at a service level, in its package's newest
// revision and at the newest prices of a list, or withdraws it. It says whether
// anything has changed.
func (o Operator) Offer(ctx context.Context, tx store.Tx, zone string, put api.OfferingPut) (bool, error) {
	z, err := zoneNamed(ctx, catalogdb.New(tx), zone)
	if err != nil {
		return false, err
	}
	p, known := o.Packages[put.Service]
	var wrong problem.Complaints
	wrong.Unless(known, "body.service", put.Service, "There is no service of this name. There are: %s.", o.services())
	wrong.Unless(put.ServiceLevel == BestEffort || put.ServiceLevel == Guaranteed, "body.serviceLevel", put.ServiceLevel, "It is one of: best-effort, guaranteed.")
	if err := wrong.Err(); err != nil {
		return false, err
	}
	if put.Withdrawn {
		return o.withdraw(ctx, tx, z, put)
	}
	if domains := FailureDomains(z); put.ServiceLevel == Guaranteed && len(domains) < DomainsOfGuaranteed {
		return false, tooFewToOffer(z.Name, len(domains))
	}
	if why := NoGuaranteed(z, put.Service); put.ServiceLevel == Guaranteed && why != "" {
		return false, singleToOffer(put.Service, z.Name, why)
	}
	prices, err := o.pricesFor(ctx, tx, put, p.Definition)
	if err != nil {
		return false, err
	}
	provider, err := operatorProvider(ctx, tx, o.Organization, o.At)
	if err != nil {
		return false, err
	}
	revision, err := PublishPackage(ctx, tx, provider, p.Definition, o.At)
	if err != nil {
		return false, err
	}
	return publishOffering(ctx, tx, put.Service, z.ID, revision, prices, put.ServiceLevel, o.At)
}

func (o Operator) services() string {
	return strings.Join(slices.Sorted(maps.Keys(o.Packages)), ", ")
}

func tooFewToOffer(zone string, n int) error {
	message := fmt.Sprintf("It needs three failure domains, and zone %s has %d. Offer it with best effort, or once the zone has three: its agent reports them, or souk zone update declares them.", zone, n)
	return &problem.Error{Status: http.StatusConflict, Code: "too-few-failure-domains", Detail: "Guaranteed availability cannot be offered there.",
		Fields: []problem.Field{{Location: "body.serviceLevel", Value: Guaranteed, Message: message}}}
}

func singleToOffer(service, zone, why string) error {
	message := fmt.Sprintf("Zone %s cannot guarantee the availability of %s: %s Offer it with best effort.", zone, service, why)
	return &problem.Error{Status: http.StatusConflict, Code: "not-guaranteed", Detail: "Guaranteed availability cannot be offered there.",
		Fields: []problem.Field{{Location: "body.serviceLevel", Value: Guaranteed, Message: message}}}
}

// pricesFor is the newest revision of the list, which has to price the service.
func (o Operator) pricesFor(ctx context.Context, tx store.Tx, put api.OfferingPut, d servicepkg.Definition) (uuid.UUID, error) {
	lists, err := catalogdb.New(tx).PriceLists(ctx, put.PriceList)
	if err != nil {
		return uuid.Nil, err
	}
	if len(lists) == 0 || put.PriceList == "" {
		return uuid.Nil, problem.InvalidField("body.priceList", put.PriceList, "There is no price list of this name. Publish it first: souk prices publish NAME -f FILE.")
	}
	priced, err := prices(ctx, tx, lists[0].RevisionID, d, put.ServiceLevel)
	if err == nil && !priced {
		err = problem.InvalidField("body.priceList", put.PriceList, "It has no price for the compute of any plan of %s at the level %s. Publish one first: souk prices publish %s -f FILE.", put.Service, put.ServiceLevel, put.PriceList)
	}
	return lists[0].RevisionID, err
}

// prices says whether a revision prices at least one plan at the service level.
func prices(ctx context.Context, tx store.Tx, revision uuid.UUID, d servicepkg.Definition, level string) (bool, error) {
	book, err := billing.LoadPrices(ctx, tx, []uuid.UUID{revision})
	return slices.ContainsFunc(d.Plans, func(p servicepkg.Plan) bool { return len(book.For(revision, d.Name, p.Name, level)) > 0 }), err
}

func (o Operator) withdraw(ctx context.Context, tx store.Tx, z catalogdb.ZonesRow, put api.OfferingPut) (bool, error) {
	q := catalogdb.New(tx)
	current, err := current(ctx, q, put.Service, z.Name, put.ServiceLevel)
	if err != nil {
		return false, err
	}
	if current == nil {
		return false, problem.InvalidField("body.service", put.Service, "It is not offered in zone %s at the level %s.", z.Name, put.ServiceLevel)
	}
	if current.Withdrawn {
		return false, nil
	}
	return true, revise(ctx, q, *current, func(r *catalogdb.InsertOfferingRevisionParams) { r.Withdrawn, r.PublishedAt = true, o.At })
}

// current is the newest revision of an offering; nil: it was never offered so.
func current(ctx context.Context, q *catalogdb.Queries, service, zone, level string) (*catalogdb.CurrentOfferingsRow, error) {
	all, err := q.CurrentOfferings(ctx, catalogdb.CurrentOfferingsParams{Service: service, Zone: zone})
	for _, c := range all {
		if c.ServiceLevel == level {
			return &c, nil
		}
	}
	return nil, err
}

// revise publishes a changed revision of an offering.
func revise(ctx context.Context, q *catalogdb.Queries, c catalogdb.CurrentOfferingsRow, change func(*catalogdb.InsertOfferingRevisionParams)) error {
	r := catalogdb.InsertOfferingRevisionParams{ID: store.NewID(), OfferingID: c.OfferingID, Revision: c.OfferingRevision + 1,
		PackageRevisionID: c.PackageRevisionID, PriceListRevisionID: c.PriceListRevisionID, Withdrawn: c.Withdrawn}
	change(&r)
	return q.InsertOfferingRevision(ctx, r)
}

// KeepOffered offers a service where it has never been offered, or else moves what
// is offered to the package's revision: at the prices that somebody has chosen
// since, and not where it was withdrawn.
func KeepOffered(ctx context.Context, tx store.Tx, service, zone string, packageRevision, priceList uuid.UUID, level string, at time.Time) error {
	q := catalogdb.New(tx)
	z, err := zoneNamed(ctx, q, zone)
	if err != nil {
		return err
	}
	is, err := current(ctx, q, service, zone, level)
	if err != nil || (is != nil && is.Withdrawn) {
		return err
	}
	if is != nil {
		priceList = is.PriceListRevisionID
	}
	return PublishOffering(ctx, tx, service, z.ID, packageRevision, priceList, level, at)
}

// EnsurePriceList publishes a price list that does not exist yet, and adds to one
// that does the services that it has no price for. It returns the newest revision.
func EnsurePriceList(ctx context.Context, tx store.Tx, provider uuid.UUID, name, currency string, entries []PriceEntry, at time.Time) (uuid.UUID, error) {
	q := catalogdb.New(tx)
	lists, err := q.PriceLists(ctx, name)
	if err != nil {
		return uuid.Nil, err
	}
	if len(lists) == 0 {
		return PublishPriceList(ctx, tx, provider, name, currency, entries, at)
	}
	rows, err := q.PricesOf(ctx, lists[0].RevisionID)
	if err != nil {
		return uuid.Nil, err
	}
	priced := map[string]bool{}
	var all []PriceEntry
	for _, r := range rows {
		priced[r.Service] = true
		all = append(all, listPrice(r))
	}
	for _, e := range entries {
		if !priced[e.Service] {
			all = append(all, e)
		}
	}
	if len(all) == len(rows) {
		return lists[0].RevisionID, nil
	}
	return PublishPriceList(ctx, tx, provider, name, lists[0].Currency, all, at)
}
