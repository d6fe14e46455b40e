package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/usage"
)

// listTimeZone is the time zone whose calendar month prices are shown for to
// those who have no billing account yet.
const listTimeZone = "Europe/Zurich"

func (s *Server) registerCatalog() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/services", ID: "services-list", Tag: "catalog", Summary: "What can be ordered, where and at what price", Action: authz.Public},
		func(ctx context.Context, _ *struct{}) (*body[api.List[api.Service]], error) {
			out := &body[api.List[api.Service]]{api.List[api.Service]{Items: []api.Service{}}}
			err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
				out.Body.Items, err = s.services(ctx, tx, "")
				return err
			})
			return out, err
		})
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/services/{service}", ID: "services-get", Tag: "catalog", Summary: "A service with its parameters, plans and prices", Action: authz.Public},
		func(ctx context.Context, in *struct {
			Service string `path:"service" maxLength:"63"`
		}) (*body[api.Service], error) {
			out := &body[api.Service]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				found, err := s.services(ctx, tx, in.Service)
				if err == nil && len(found) == 0 {
					err = problem.NotFound("service", in.Service)
				}
				if err == nil {
					out.Body = found[0]
				}
				return err
			})
			return out, err
		})
	s.registerPrices()
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/zones", ID: "zones-list", Tag: "catalog", Summary: "Places where instances run", Action: authz.Public},
		func(ctx context.Context, _ *struct{}) (*body[api.List[api.Zone]], error) {
			out := &body[api.List[api.Zone]]{api.List[api.Zone]{Items: []api.Zone{}}}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				rows, err := catalogdb.New(tx).Zones(ctx, "")
				for _, z := range rows {
					out.Body.Items = append(out.Body.Items, zoneDoc(z))
				}
				return err
			})
			return out, err
		})
}

func (s *Server) services(ctx context.Context, tx store.Tx, name string) ([]api.Service, error) {
	packages, err := catalogdb.New(tx).CurrentPackages(ctx, name)
	if err != nil {
		return nil, err
	}
	zones, err := catalogdb.New(tx).Zones(ctx, "")
	if err != nil {
		return nil, err
	}
	loc, err := time.LoadLocation(listTimeZone)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	month := billing.MonthOf(now, loc)
	out := []api.Service{}
	for _, p := range packages {
		offers, err := s.Catalog.Offers(ctx, tx, p.Name, "")
		if err != nil {
			return nil, err
		}
		if len(offers) == 0 {
			continue
		}
		doc := serviceDoc(p, offers, zones, month)
		if doc.Maturity, err = s.maturity().Of(ctx, tx, offers, now); err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}

func serviceDoc(p catalogdb.CurrentPackagesRow, offers []catalog.Offer, zones []catalogdb.ZonesRow, m billing.Month) api.Service {
	d := newest(offers)
	out := api.Service{Name: d.Name, Title: d.Title, Summary: d.Summary, Description: d.Description, Category: d.Category, Provider: p.Provider, Revision: int(p.Revision),
		Capabilities: d.CapabilitiesWith(""), Snippets: d.Snippets, Parameters: d.Parameters, Plans: []api.Plan{}, Offerings: []api.Offering{}, Versions: []string{}}
	out.SLI = sliDoc(d.SLI)
	for _, m := range d.Meters {
		out.Meters = append(out.Meters, usage.Document(m))
	}
	for _, plan := range catalog.PlansOf(offers) {
		out.Plans = append(out.Plans, api.Plan{Name: plan.Name, Revision: int(plan.Revision), CPUMillis: plan.CpuMillis, MemoryMiB: plan.MemoryMib, MinStorageGiB: plan.MinStorageGib, MaxStorageGiB: plan.MaxStorageGib})
	}
	for _, o := range offers {
		out.Offerings = append(out.Offerings, offeringDoc(o, zones, m))
	}
	for _, z := range zones {
		out.Versions = append(out.Versions, versions(z, d.Name, out.Versions)...)
	}
	return out
}

// newest is the package in the newest of the revisions that are offered.
func newest(offers []catalog.Offer) *catalog.Definition {
	return slices.MaxFunc(offers, func(a, b catalog.Offer) int { return cmp.Compare(a.PackageRevision, b.PackageRevision) }).Definition
}

func versions(z catalogdb.ZonesRow, service string, known []string) []string {
	var out []string
	for _, e := range catalog.Reported(z).Engines {
		fresh := e.Service == service && e.Version != ""
		for _, k := range append(known, out...) {
			fresh = fresh && k != e.Version
		}
		if fresh {
			out = append(out, e.Version)
		}
	}
	return out
}

// pricesOf are the prices of a plan where it is offered, without those of what the
// service does not bring there.
func pricesOf(o catalog.Offer, plan catalog.PlanOffer) []billing.Price {
	if _, lacks := o.Definition.Lacks("backup", o.Driver); lacks {
		return instance.WithoutBackups(plan.Prices)
	}
	return plan.Prices
}

func offeringDoc(o catalog.Offer, zones []catalogdb.ZonesRow, m billing.Month) api.Offering {
	out := api.Offering{Zone: o.Zone, Service: o.Service, ServiceLevel: o.ServiceLevel, Revision: int(o.OfferingRevision), PriceList: int(o.PriceListRevision), Currency: o.Currency, Plans: []api.PlanPrice{},
		Driver: o.Driver, Capabilities: o.Definition.CapabilitiesWith(o.Driver)}
	for _, p := range o.Plans {
		price := instance.QuotePrice(billing.QuoteFor(p.MinStorageGib, pricesOf(o, p), m), o.Currency)
		out.Plans = append(out.Plans, api.PlanPrice{Plan: p.Name, Items: price.Items, Hour: price.Hour, Month: price.Month, ByUse: price.ByUse, Once: price.Once, Rules: price.Rules})
	}
	out.Problem = "It is not sold any more."
	if !o.Withdrawn {
		for _, z := range zones {
			if z.Name == o.Zone {
				out.Problem = instance.Unavailable(z, o.Service, o.ServiceLevel)
			}
		}
	}
	out.Available = out.Problem == ""
	return out
}

func zoneDoc(z catalogdb.ZonesRow) api.Zone {
	info := catalog.Reported(z)
	out := api.Zone{
		Metadata: api.Metadata{ID: z.ID.String(), Name: z.Name, CreatedAt: z.CreatedAt.UTC(), UpdatedAt: z.UpdatedAt.UTC()},
		Provider: z.Provider, Title: z.Title, Driver: z.Driver, Isolation: info.Isolation, Limits: info.Limits, Simulated: z.Simulated || info.Simulated,
		FailureDomains: catalog.FailureDomains(z), FailureDomainsSimulated: info.SimulatedDomains,
		Capacity: api.Capacity{CPUMillis: z.CapacityCpuMillis, MemoryMiB: z.CapacityMemoryMib, StorageGiB: z.CapacityStorageGib, Instances: z.CapacityInstances},
		Reserved: api.Capacity{CPUMillis: z.UsedCpuMillis, MemoryMiB: z.UsedMemoryMib, StorageGiB: z.UsedStorageGib, Instances: z.UsedInstances},
	}
	out.Conditions = []api.Condition{instance.Reachable(z.LastSeenReal, z.RevokedAt, time.Now())}
	return out
}
