package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/store"
)

// registerOperatorCatalog registers what makes the catalog: providers, zones,
// offerings, prices.
func (s *Server) registerOperatorCatalog() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/providers", ID: "operator-providers", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "Organizations that offer something"}, s.listProviders)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/providers", ID: "operator-providers-create", Tag: "operator", Action: authz.OperatorCatalog,
		Summary: "Let an organization offer something", Description: "The same again changes nothing.", Status: http.StatusCreated}, s.makeProvider)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/zones", ID: "operator-zones-create", Tag: "operator", Action: authz.OperatorCatalog,
		Summary: "Declare a zone", Description: "The same again changes nothing.", Status: http.StatusCreated}, s.makeZone)
	register(s, Operation{Method: http.MethodPatch, Path: "/api/v1/operator/zones/{zone}", ID: "operator-zones-patch", Tag: "operator", Action: authz.OperatorCatalog,
		Summary: "Change what a zone declares of itself"}, s.changeZone)
	register(s, Operation{Method: http.MethodPut, Path: "/api/v1/operator/zones/{zone}/offerings", ID: "operator-offerings-put", Tag: "operator", Action: authz.OperatorCatalog,
		Summary:     "Offer a service in a zone at a service level, or withdraw it",
		Description: "It is offered as this version of Souk has it, at the newest prices of the list. What was ordered stays as it was ordered."}, s.offer)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/price-lists", ID: "operator-price-lists", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "Price lists in their newest revision"}, s.listPriceLists)
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/price-lists/{list}", ID: "operator-price-lists-get", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "A price list in its newest revision"}, s.getPriceList)
	register(s, Operation{Method: http.MethodPut, Path: "/api/v1/operator/price-lists/{list}", ID: "operator-price-lists-put", Tag: "operator", Action: authz.OperatorCatalog,
		Summary:     "Publish prices as the newest revision of a list",
		Description: "All that is offered at the list's prices is ordered at the new ones from then on. What was ordered keeps its prices until its plan or storage changes, unless the policy says that the new ones hold for it as well: now, or from the next month on."}, s.publishPrices)
}

// operatorOf acts for the operator's organization.
func (s *Server) operatorOf(p Place) catalog.Operator {
	organization, _ := p.Principal.Operator(authz.OperatorCatalog)
	return catalog.Operator{Organization: organization, Packages: s.Instances.Packages, At: p.Now}
}

func (s *Server) listProviders(ctx context.Context, _ *struct{}) (*body[api.List[api.Provider]], error) {
	out := &body[api.List[api.Provider]]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body.Items, err = catalog.Providers(ctx, tx)
		return err
	})
	return out, err
}

func (s *Server) makeProvider(ctx context.Context, in *struct{ Body api.ProviderCreate }) (*body[api.Provider], error) {
	out := &body[api.Provider]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		provider, made, err := catalog.MakeProvider(ctx, tx, in.Body, p.Now)
		if out.Body = provider; err != nil || !made {
			return provider.Name, err
		}
		return provider.Name, p.Audit(ctx, tx, audit.Event{Action: "provider.create", Kind: "provider", ObjectName: provider.Name, Details: details(in.Body)})
	}, func(tx store.Tx, _ Place, name string) (err error) {
		out.Body, err = catalog.Provider(ctx, tx, name)
		return err
	})
	return out, err
}

func (s *Server) makeZone(ctx context.Context, in *struct{ Body api.ZoneCreate }) (*body[api.Zone], error) {
	out := &body[api.Zone]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		z, made, err := catalog.MakeZone(ctx, tx, in.Body, p.Now)
		if out.Body = zoneDoc(z); err != nil || !made {
			return z.Name, err
		}
		return z.Name, p.Audit(ctx, tx, audit.Event{Action: "zone.create", Kind: "zone", ObjectID: z.ID.String(), ObjectName: z.Name, Details: details(in.Body)})
	}, zoneAgain(ctx, out))
	return out, err
}

func (s *Server) changeZone(ctx context.Context, in *struct {
	InZone
	Body api.ZonePatch
}) (*body[api.Zone], error) {
	out := &body[api.Zone]{}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		z, changed, err := catalog.ChangeZone(ctx, tx, in.Zone, in.Body, p.Now)
		if out.Body = zoneDoc(z); err != nil || !changed {
			return z.Name, err
		}
		return z.Name, p.Audit(ctx, tx, audit.Event{Action: "zone.update", Kind: "zone", ObjectID: z.ID.String(), ObjectName: z.Name, Details: details(in.Body)})
	}, zoneAgain(ctx, out))
	return out, err
}

// zoneAgain answers a repeat with the zone as it is.
func zoneAgain(ctx context.Context, out *body[api.Zone]) func(store.Tx, Place, string) error {
	return func(tx store.Tx, _ Place, name string) error {
		zones, err := catalogdb.New(tx).Zones(ctx, name)
		if err == nil && len(zones) > 0 {
			out.Body = zoneDoc(zones[0])
		}
		return err
	}
}

func (s *Server) offer(ctx context.Context, in *struct {
	InZone
	Body api.OfferingPut
}) (*body[api.Offering], error) {
	out := &body[api.Offering]{}
	read := func(tx store.Tx, _ Place, _ string) error {
		zones, err := catalogdb.New(tx).Zones(ctx, in.Zone)
		if err != nil || len(zones) == 0 {
			return err
		}
		all, err := s.offeredIn(ctx, tx, zones[0])
		for _, o := range all {
			if o.Service == in.Body.Service && o.ServiceLevel == in.Body.ServiceLevel {
				out.Body = o
			}
		}
		return err
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		changed, err := s.operatorOf(p).Offer(ctx, tx, in.Zone, in.Body)
		if err == nil && changed {
			action := "offering.publish"
			if in.Body.Withdrawn {
				action = "offering.withdraw"
			}
			err = p.Audit(ctx, tx, audit.Event{Action: action, Kind: "offering", ObjectName: in.Zone + "/" + in.Body.Service + "/" + in.Body.ServiceLevel, Details: details(in.Body)})
		}
		if err != nil {
			return "", err
		}
		return "", read(tx, p, "")
	}, read)
	return out, err
}

func (s *Server) listPriceLists(ctx context.Context, _ *struct{}) (*body[api.List[api.PriceList]], error) {
	out := &body[api.List[api.PriceList]]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body.Items, err = catalog.PriceLists(ctx, tx)
		return err
	})
	return out, err
}

type InPriceList struct {
	List string `path:"list" maxLength:"63" doc:"Name of the price list"`
}

func (s *Server) getPriceList(ctx context.Context, in *InPriceList) (*body[api.PriceList], error) {
	out := &body[api.PriceList]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) (err error) {
		out.Body, err = catalog.PriceList(ctx, tx, in.List)
		return err
	})
	return out, err
}

func (s *Server) publishPrices(ctx context.Context, in *struct {
	InPriceList
	DryRun bool `query:"dryRun" doc:"Only say what would change"`
	Body   api.PriceListPut
}) (*body[api.PriceListPublished], error) {
	out := &body[api.PriceListPublished]{}
	publish := func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.operatorOf(p).PublishPrices(ctx, tx, in.List, in.Body)
		return err
	}
	if in.DryRun {
		return out, s.Preview(ctx, publish)
	}
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		if err := publish(tx, p); err != nil || !out.Body.Published {
			return "", err
		}
		list := out.Body.PriceList
		return "", p.Audit(ctx, tx, audit.Event{Action: "prices.publish", Kind: "price-list", ObjectID: list.Metadata.ID, ObjectName: in.List,
			Details: map[string]any{"revision": list.Revision, "policy": list.Policy, "changes": out.Body.Changes}})
	}, func(tx store.Tx, _ Place, _ string) (err error) {
		out.Body.Changes = []api.Change{}
		out.Body.PriceList, err = catalog.PriceList(ctx, tx, in.List)
		return err
	})
	return out, err
}
