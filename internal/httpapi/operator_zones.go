package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/catalog/catalogdb"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/store"
	"souk/internal/zone"
	"souk/internal/zone/zonedb"
)

func (s *Server) registerOperatorZones() {
	register(s, Operation{Method: http.MethodGet, Path: "/api/v1/operator/zones", ID: "operator-zones", Tag: "operator", Action: authz.OperatorInventory,
		Summary: "Zones with their agents, capacity and what is offered there"}, s.operatorZones)
	register(s, Operation{Method: http.MethodPost, Path: "/api/v1/operator/zones/{zone}/revoke", ID: "operator-zone-revoke", Tag: "operator", Action: authz.OperatorZoneRevoke,
		Summary: "Cut a zone's agent off", Description: "Its certificate is refused from then on, and so are enrolment tokens that have not been used. What runs there goes on running; an agent that is enrolled afterwards takes it up again."}, s.revokeZone)
}

func (s *Server) operatorZones(ctx context.Context, _ *struct{}) (*body[api.List[api.OperatorZone]], error) {
	out := &body[api.List[api.OperatorZone]]{}
	err := s.Read(ctx, func(tx store.Tx, _ Place) error {
		out.Body.Items = []api.OperatorZone{}
		zones, err := catalogdb.New(tx).Zones(ctx, "")
		if err != nil {
			return err
		}
		for _, z := range zones {
			doc := api.OperatorZone{Zone: zoneDoc(z)}
			if text := zone.VersionProblem(s.Version, z.Version); text != "" && z.RevokedAt == nil {
				doc.Zone.Conditions = append(doc.Zone.Conditions, api.Condition{Type: "AgentVersion", Reason: "TooFarApart", Message: text})
			}
			if doc.Agent, err = agentDoc(ctx, tx, z); err != nil {
				return err
			}
			if doc.Offerings, err = s.offeredIn(ctx, tx, z); err != nil {
				return err
			}
			out.Body.Items = append(out.Body.Items, doc)
		}
		return nil
	})
	return out, err
}

// agentDoc is the agent of the zone; nil: none was ever enrolled.
func agentDoc(ctx context.Context, tx store.Tx, z catalogdb.ZonesRow) (*api.ZoneAgent, error) {
	a, err := zonedb.New(tx).Agent(ctx, z.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &api.ZoneAgent{Version: a.Version, Epoch: a.Epoch, EnrolledAt: a.EnrolledAt.UTC(), LastSeenAt: a.LastSeenAt, CertificateUntil: a.NotAfter.UTC(), Revoked: a.RevokedAt != nil, RevokedAt: a.RevokedAt, RevokedReason: a.RevokedReason, Engines: []api.ZoneEngine{}}
	if a.LastSeenReal != nil {
		out.SilentSeconds = int64(max(0, time.Since(*a.LastSeenReal).Seconds()))
	}
	var info driver.Info
	_ = json.Unmarshal(a.Info, &info)
	for _, e := range info.Engines {
		out.Engines = append(out.Engines, api.ZoneEngine{Service: e.Service, Version: e.Version})
	}
	return out, nil
}

// offeredIn is what can be ordered in the zone, or why it cannot.
func (s *Server) offeredIn(ctx context.Context, tx store.Tx, z catalogdb.ZonesRow) ([]api.Offering, error) {
	rows, err := catalogdb.New(tx).CurrentOfferings(ctx, catalogdb.CurrentOfferingsParams{Zone: z.Name})
	out := []api.Offering{}
	for _, o := range rows {
		doc := api.Offering{Zone: o.Zone, Service: o.Service, ServiceLevel: o.ServiceLevel, Revision: int(o.OfferingRevision), PriceList: int(o.PriceListRevision),
			PriceListName: o.PriceList, Currency: o.Currency, Plans: []api.PlanPrice{}}
		if doc.Problem = "It is not sold any more."; !o.Withdrawn {
			doc.Problem = instance.Unavailable(z, o.Service, o.ServiceLevel)
		}
		doc.Available = doc.Problem == ""
		out = append(out, doc)
	}
	return out, err
}

func (s *Server) revokeZone(ctx context.Context, in *struct {
	InZone
	Body api.ZoneRevoke
}) (*body[api.Zone], error) {
	out := &body[api.Zone]{}
	read := zoneAgain(ctx, out)
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		id, changed, err := s.Zones.Revoke(ctx, tx, in.Zone, in.Body.Reason)
		if err == nil && changed {
			err = p.Audit(ctx, tx, audit.Event{Action: "zone.revoke", Kind: "zone", ObjectID: id.String(), ObjectName: in.Zone, Details: details(in.Body)})
		}
		if err != nil {
			return "", err
		}
		return in.Zone, read(tx, p, in.Zone)
	}, read)
	return out, err
}
