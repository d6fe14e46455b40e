package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/instance"
	"souk/internal/problem"
	"souk/internal/store"
)

func (s *Server) registerPrices() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/services/{service}/price", ID: "services-price", Tag: "catalog", Action: authz.Public,
		Summary:     "What an instance would cost in the current calendar month",
		Description: "Rated as an invoice is. An organization that is billed in another time zone sees the months of its own zone when it orders."}, s.estimate)
}

type estimateInput struct {
	Service      string `path:"service" maxLength:"63"`
	Zone         string `query:"zone" maxLength:"63" doc:"Default: the oldest that offers it"`
	ServiceLevel string `query:"serviceLevel" maxLength:"63" doc:"Default: the first that is offered"`
	Plan         string `query:"plan" maxLength:"63" doc:"Default: the cheapest"`
	StorageGiB   int64  `query:"storageGiB" doc:"Default: the least that the plan has"`
	Hours        int64  `query:"hours" doc:"For which it runs. Default: the whole month"`
}

func (s *Server) estimate(ctx context.Context, in *estimateInput) (*body[api.Estimate], error) {
	loc, err := time.LoadLocation(listTimeZone)
	if err != nil {
		return nil, err
	}
	out := &body[api.Estimate]{}
	err = s.Read(ctx, func(tx store.Tx, p Place) error {
		offers, err := s.Catalog.Offers(ctx, tx, in.Service, "")
		if err != nil {
			return err
		}
		if len(offers) == 0 {
			return problem.NotFound("service", in.Service)
		}
		offer, plan, err := in.choose(offers)
		if err != nil {
			return err
		}
		out.Body, err = in.rated(offer, plan, billing.MonthOf(p.Now, loc))
		return err
	})
	return out, err
}

// choose finds the offering and the plan that are asked for.
func (in *estimateInput) choose(offers []catalog.Offer) (catalog.Offer, catalog.PlanOffer, error) {
	var zones []string
	for _, o := range offers {
		if (in.Zone == "" || o.Zone == in.Zone) && (in.ServiceLevel == "" || o.ServiceLevel == in.ServiceLevel) && len(o.Plans) > 0 {
			if in.Plan == "" {
				return o, o.Plans[0], nil
			}
			if plan, ok := o.Plan(in.Plan); ok {
				return o, plan, nil
			}
			var plans []string
			for _, p := range o.Plans {
				plans = append(plans, p.Name)
			}
			return o, catalog.PlanOffer{}, problem.InvalidField("query.plan", in.Plan, "There is no such plan; there are %s.", strings.Join(plans, ", "))
		}
		zones = append(zones, o.Zone+" ("+o.ServiceLevel+")")
	}
	return catalog.Offer{}, catalog.PlanOffer{}, problem.InvalidField("query.zone", in.Zone, "It is not offered there so; it is in %s.", strings.Join(zones, ", "))
}

func (in *estimateInput) rated(o catalog.Offer, plan catalog.PlanOffer, m billing.Month) (api.Estimate, error) {
	whole := int64(m.To.Sub(m.From) / time.Hour)
	out := api.Estimate{Service: in.Service, Zone: o.Zone, ServiceLevel: o.ServiceLevel, Plan: plan.Name, StorageGiB: in.StorageGiB, Hours: in.Hours,
		PriceList: int(o.PriceListRevision), Month: m.String(), MonthHours: whole, TimeZone: m.Location.String()}
	if out.StorageGiB == 0 {
		out.StorageGiB = plan.MinStorageGib
	}
	if out.Hours == 0 {
		out.Hours = whole
	}
	if out.StorageGiB < plan.MinStorageGib || out.StorageGiB > plan.MaxStorageGib {
		return out, problem.InvalidField("query.storageGiB", in.StorageGiB, "Plan %s has from %d to %d GiB of storage.", plan.Name, plan.MinStorageGib, plan.MaxStorageGib)
	}
	if out.Hours < 1 || out.Hours > whole {
		return out, problem.InvalidField("query.hours", in.Hours, "This month has %d hours; ask for 1 to %d.", whole, whole)
	}
	out.Price = instance.QuotePrice(billing.QuoteFor(out.StorageGiB, pricesOf(o, plan), m), o.Currency)
	until := billing.QuoteUntil(out.StorageGiB, pricesOf(o, plan), m, m.From.Add(time.Duration(out.Hours)*time.Hour))
	out.Total = instance.QuotePrice(until, o.Currency).Month
	return out, nil
}
