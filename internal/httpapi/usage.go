package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/usage"
)

func (s *Server) registerUsage() {
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/organizations/{org}/usage", ID: "usage-send", Tag: "usage", Action: authz.UsageSend, System: true, Unrepeatable: true,
		Accepts:     []string{usage.MediaEvent, usage.MediaBatch, usage.MediaData},
		Summary:     "Report what was used of instances",
		Description: "By the provider of the instances' service. CloudEvents 1.0: one that is structured or binary, or a batch of up to 1000, which is taken whole or not at all. source and id together name an event: the same again counts once, and with another payload is refused with 409. subject is the instance's ID, type the meter; data has quantity, from and to within one hour of UTC (or the event's time), and complete: true where all that there was between from and to has been sent."},
		s.sendUsage)
	register(s, Operation{Method: http.MethodGet, Path: instancesPath + "/{name}/usage", ID: "instances-usage", Tag: "usage", Action: authz.InstanceRead,
		Summary: "What was counted of an instance in a month, hour by hour"},
		func(ctx context.Context, in *struct {
			InInstance
			Period string `query:"period" maxLength:"7" doc:"A month such as 2026-11, in the organization's time zone; absent: that of now"`
		}) (*body[api.Usage], error) {
			out := &body[api.Usage]{}
			err := s.Read(ctx, func(tx store.Tx, p Place) error {
				v, err := s.Instances.Get(ctx, tx, at(p), in.Name)
				if err != nil {
					return err
				}
				out.Body, err = s.usage().Instance(ctx, tx, p.Organization, v.ID, in.Period, p.Now)
				return err
			})
			return out, err
		})
}

func (s *Server) usage() usage.Keeper { return usage.Keeper{Catalog: s.Catalog} }

// inUsage keeps the request's headers, in which attributes of an event may be.
type inUsage struct {
	InOrganization
	RawBody []byte
	header  http.Header
}

// Resolve takes up the headers.
func (in *inUsage) Resolve(ctx huma.Context) []error {
	in.header = http.Header{}
	ctx.EachHeader(func(name, value string) { in.header.Add(name, value) })
	return nil
}

func (s *Server) sendUsage(ctx context.Context, in *inUsage) (*body[api.UsageReceipt], error) {
	events, err := usage.Parse(in.header, in.RawBody)
	if err != nil {
		return nil, err
	}
	out := &body[api.UsageReceipt]{}
	err = s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		receipt, err := s.usage().Take(ctx, tx, p.Organization, events, p.Now)
		if err != nil {
			return "", err
		}
		out.Body = api.UsageReceipt{Accepted: receipt.Accepted, Repeated: receipt.Repeated}
		if receipt.Accepted == 0 {
			return "", nil
		}
		return "", p.Audit(ctx, tx, audit.Event{Action: "usage.send", Kind: "usage", ObjectName: events[0].Source, Details: details(out.Body)})
	}, noReplay)
	return out, err
}
