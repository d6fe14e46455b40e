package maturity

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/maturity/maturitydb"
	"souk/internal/store"
)

// Readiness is how far a service is fit for production, in each zone, as the operator's
// staff see it: with the instances that the checks rest on and all waivers.
func (b Book) Readiness(ctx context.Context, tx store.Tx, offers []catalog.Offer, now time.Time) ([]api.ServiceReadiness, error) {
	all, err := b.Of(ctx, tx, offers, now)
	if err != nil {
		return nil, err
	}
	q, service := maturitydb.New(tx), offers[0].ServiceID
	figures, err := q.Figures(ctx, service)
	if err != nil {
		return nil, err
	}
	records, err := q.Records(ctx, service)
	if err != nil {
		return nil, err
	}
	waivers, err := q.AllWaivers(ctx, service)
	if err != nil {
		return nil, err
	}
	named := map[string]uuid.UUID{}
	for _, o := range offers {
		named[o.Zone] = o.ZoneID
	}
	out := []api.ServiceReadiness{}
	for _, m := range all {
		stable := m.Iterations[len(m.Iterations)-1]
		r := api.ServiceReadiness{Service: offers[0].Service, Zone: m.Zone, Driver: m.Driver, State: stable.State, Checks: stable.Checks, Records: []api.ReadinessRecord{}, Waivers: []api.ReadinessWaiver{}}
		zone := named[m.Zone]
		for _, f := range figures {
			if f.ZoneID == zone {
				r.ObservedAt = inUTC(&f.ObservedAt)
			}
		}
		for _, kept := range records {
			if kept.ZoneID == zone {
				if err := json.Unmarshal(kept.Records, &r.Records); err != nil {
					return nil, err
				}
			}
		}
		for _, w := range waivers {
			if w.ZoneID == zone {
				r.Waivers = append(r.Waivers, api.ReadinessWaiver{ID: w.ID.String(), Service: r.Service, Zone: w.Zone, Check: w.Name, Reason: w.Reason, WaivedBy: w.WaivedBy, CreatedAt: w.CreatedAt.UTC(), Until: w.UntilAt.UTC(), EndedBy: w.EndedBy, EndedAt: inUTC(w.EndedAt)})
			}
		}
		out = append(out, r)
	}
	return out, nil
}
