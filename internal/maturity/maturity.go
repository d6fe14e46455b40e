// Package maturity keeps the results of conformance runs, and computes from them how
// mature a service is in each zone: nobody says so, it is shown.
package maturity

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/maturity/maturitydb"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

// Lasts is for how long a result proves something.
const Lasts = 30 * 24 * time.Hour

// iterations are the steps of maturity with the capabilities that they consist of.
// What is named nowhere is a step of its own.
var iterations = []struct {
	name         string
	capabilities []string
}{
	{"provisioning", []string{"provisioning", "bindings", "parameters", servicepkg.CapabilityNetworks}},
	{"backup", []string{"backup", "drills"}},
	{"metrics", []string{"metrics", "availability"}},
	{"alerting", []string{"alerting"}},
	{"maintenance", []string{"maintenance"}},
	{"scaling", []string{"scaling", "replicas"}},
	{"logs", []string{"logs"}},
}

// everyService has these, and names them only where it has not.
var everyService = []string{"provisioning", "bindings", "parameters", servicepkg.CapabilityNetworks}

// declared are the capabilities as the service declares them with a driver, with those
// that every service has.
func declared(d servicepkg.Definition, driver string) []api.Capability {
	list := d.CapabilitiesWith(driver)
	for _, name := range everyService {
		if !slices.ContainsFunc(list, func(c api.Capability) bool { return c.Name == name }) {
			list = append(list, api.Capability{Name: name, Offered: true})
		}
	}
	return list
}

// shown is the newest that was shown of a capability.
type shown = maturitydb.NewestProofsRow

// Book computes how mature services are.
type Book struct {
	Packages map[string]servicepkg.Package // that this control plane has
}

// Of computes the maturity of a service of which these are the offers, in each zone, at
// a moment.
func (b Book) Of(ctx context.Context, tx store.Tx, offers []catalog.Offer, now time.Time) ([]api.ServiceMaturity, error) {
	known, err := load(ctx, tx, offers[0].ServiceID, now)
	if err != nil {
		return nil, err
	}
	var out []api.ServiceMaturity
	for _, o := range offers {
		if slices.ContainsFunc(out, func(m api.ServiceMaturity) bool { return m.Zone == o.Zone }) {
			continue // another service level there
		}
		capabilities := declared(o.Definition.Definition, o.Driver)
		m := api.ServiceMaturity{Zone: o.Zone, Driver: o.Driver, Iterations: compute(capabilities, known.proofs[o.ZoneID], o.PackageRevisionID, now)}
		g := known.ground(o, capabilities, m.Iterations, now)
		if code, has := b.Packages[o.Service]; has {
			g.code = &code
		}
		m.Iterations = append(m.Iterations, g.stable())
		out = append(out, m)
	}
	return out, nil
}

// known is what the record has of a service, by zone.
type known struct {
	proofs  map[uuid.UUID]map[string]shown
	figures map[uuid.UUID]maturitydb.FiguresRow
	waivers map[uuid.UUID]map[string]api.ReadinessWaiver // those that hold
}

func load(ctx context.Context, tx store.Tx, service uuid.UUID, now time.Time) (known, error) {
	q := maturitydb.New(tx)
	k := known{map[uuid.UUID]map[string]shown{}, map[uuid.UUID]maturitydb.FiguresRow{}, map[uuid.UUID]map[string]api.ReadinessWaiver{}}
	proofs, err := q.NewestProofs(ctx, service)
	if err != nil {
		return k, err
	}
	for _, p := range proofs {
		put(k.proofs, p.ZoneID, p.Capability, p)
	}
	figures, err := q.Figures(ctx, service)
	if err != nil {
		return k, err
	}
	for _, f := range figures {
		k.figures[f.ZoneID] = f
	}
	waivers, err := q.Waivers(ctx, maturitydb.WaiversParams{ServiceID: service, Now: now})
	for _, w := range waivers {
		put(k.waivers, w.ZoneID, w.Name, api.ReadinessWaiver{ID: w.ID.String(), Service: w.Service, Zone: w.Zone, Check: w.Name, Reason: w.Reason, CreatedAt: w.CreatedAt.UTC(), Until: w.UntilAt.UTC()})
	}
	return k, err
}

func put[V any](all map[uuid.UUID]map[string]V, zone uuid.UUID, name string, v V) {
	if all[zone] == nil {
		all[zone] = map[string]V{}
	}
	all[zone][name] = v
}

// ground is what the checks of an offer are evaluated on, without what the control plane
// itself has.
func (k known) ground(o catalog.Offer, capabilities []api.Capability, iterations []api.MaturityIteration, now time.Time) ground {
	g := ground{definition: o.Definition.Definition, capabilities: capabilities, iterations: iterations, proofs: map[string]api.MaturityCapability{}, waivers: k.waivers[o.ZoneID], now: now}
	for _, it := range iterations {
		for _, p := range it.Proofs {
			g.proofs[p.Capability] = p
		}
	}
	g.provoked, g.upgraded = provokedBy(k.proofs[o.ZoneID]["alerting"]), k.proofs[o.ZoneID]["maintenance"].Upgraded
	if f, seen := k.figures[o.ZoneID]; seen {
		g.observedAt = f.ObservedAt
		_ = json.Unmarshal(f.Figures, &g.figures) // as it was written
	}
	return g
}

// compute makes the iterations of what is declared and of what was shown of it.
func compute(capabilities []api.Capability, proofs map[string]shown, revision uuid.UUID, now time.Time) []api.MaturityIteration {
	out := []api.MaturityIteration{}
	left := slices.Clone(capabilities)
	take := func(name string, of []string) {
		it := api.MaturityIteration{Name: name, Proofs: []api.MaturityCapability{}}
		for _, c := range capabilities {
			if !slices.Contains(of, c.Name) {
				continue
			}
			left = slices.DeleteFunc(left, func(l api.Capability) bool { return l.Name == c.Name })
			if !c.Offered {
				it.Deviations = append(it.Deviations, c)
				continue
			}
			add(&it, c.Name, proofs, revision, now)
		}
		if it.State = sum(it.Proofs); it.State != api.ProofPassed {
			it.ProvenAt, it.ExpiresAt = nil, nil
		}
		out = append(out, it)
	}
	for _, i := range iterations {
		take(i.name, i.capabilities)
	}
	for len(left) > 0 {
		take(left[0].Name, []string{left[0].Name})
	}
	return out
}

// add adds what is proven of a capability.
func add(it *api.MaturityIteration, capability string, proofs map[string]shown, revision uuid.UUID, now time.Time) {
	c := api.MaturityCapability{Capability: capability, State: api.ProofNotProven}
	if p, ok := proofs[capability]; ok {
		c.State, c.Reason, c.Result = p.State, p.Reason, p.ResultID.String()
		switch {
		case p.PackageRevisionID != revision:
			c.State, c.Reason = api.ProofExpired, "It was shown of another revision of the service."
		case !now.Before(p.ExpiresAt):
			c.State, c.Reason = api.ProofExpired, "It was shown too long ago."
		}
		at, until := p.RecordedAt.UTC(), p.ExpiresAt.UTC()
		if it.ProvenAt == nil || at.Before(*it.ProvenAt) {
			it.ProvenAt = &at
		}
		if it.ExpiresAt == nil || until.Before(*it.ExpiresAt) {
			it.ExpiresAt = &until
		}
	}
	it.Proofs = append(it.Proofs, c)
}

// sum is the state of several: the worst.
func sum(proofs []api.MaturityCapability) string {
	if len(proofs) == 0 {
		return api.ProofNotOffered
	}
	for _, worst := range []string{api.ProofFailed, api.ProofNotProven, api.ProofExpired} {
		if slices.ContainsFunc(proofs, func(p api.MaturityCapability) bool { return p.State == worst }) {
			return worst
		}
	}
	return api.ProofPassed
}
