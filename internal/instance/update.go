package instance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/instance/instancedb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Update applies a full spec, if match says that the instance's version is the
// one that the change was made from. An update that changes nothing writes nothing.
func (s *Service) Update(ctx context.Context, tx store.Tx, p Place, name string, put api.InstancePut, match func(version int64) error) (View, error) {
	if err := instancedb.New(tx).LockOrganization(ctx, p.Organization.String()); err != nil {
		return View{}, err
	}
	v, err := s.lockView(ctx, tx, p, name)
	if err != nil {
		return View{}, err
	}
	if err := match(v.Version); err != nil {
		return View{}, err
	}
	if err := alive(v); err != nil {
		return View{}, err
	}
	want, err := s.proposeUpdate(ctx, tx, v, put.Spec, put.Metadata.Labels, put.AcceptedPriceList)
	if err != nil {
		return View{}, err
	}
	changes := differences(v, want)
	if len(changes) == 0 {
		return v, nil
	}
	if err := s.apply(ctx, tx, p, v, want, changes); err != nil {
		return View{}, err
	}
	return s.ByID(ctx, tx, v.ID)
}

// lockView locks the instance and returns its view.
func (s *Service) lockView(ctx context.Context, tx store.Tx, p Place, name string) (View, error) {
	r, err := s.lock(ctx, tx, p, name)
	if err != nil {
		return View{}, err
	}
	return s.ByID(ctx, tx, r.ID)
}

// alive refuses changes to what is deleted.
func alive(v View) error {
	if v.Intent == string(agentapi.IntentDeleted) {
		return problem.Conflict("deleted", "%s is deleted. Bring it back with undelete first.", v.Name)
	}
	if v.Intent == string(agentapi.IntentPurged) {
		return problem.Conflict("purged", "%s is being removed for good; it cannot change any more.", v.Name)
	}
	return nil
}

func (s *Service) apply(ctx context.Context, tx store.Tx, p Place, v View, want proposal, changes []api.Change) error {
	if err := s.affordableChange(ctx, tx, p, v, want); err != nil {
		return err
	}
	r := v.Instance
	r.Labels, r.DisplayName, r.Protected = mustJSON(orEmpty(want.labels)), want.display, want.protected
	r.Parameters, r.AllowedNetworks, r.Backup = mustJSON(want.params), want.networks, mustJSON(want.backup)
	r.Maintenance, r.LogDays, r.Suspendable = mustJSON(want.maintenance), want.logDays, want.suspendable
	grown := r.PlanRevisionID != want.plan.ID || r.StorageGib != want.storage
	r.PlanRevisionID, r.StorageGib, r.PriceListRevisionID = want.plan.ID, want.storage, want.priceList
	if grown {
		r.OfferingRevisionID = want.offer.OfferingRevisionID
	}
	q := instancedb.New(tx)
	at, err := s.now(ctx, q, r)
	if err != nil {
		return err
	}
	before, err := q.Used(ctx, r.OrganizationID)
	if err != nil {
		return err
	}
	if err := s.addBackupKey(ctx, q, r, at); err != nil {
		return err
	}
	c := change{action: "instance.update", message: sentence(changes), details: details(changes), at: at, actor: p.Actor, request: p.RequestID}
	if slices.ContainsFunc(changes, forZone) {
		c.kind = "update"
	}
	if err := s.commit(ctx, tx, &r, c); err != nil {
		return err
	}
	if !grown {
		return nil
	}
	return s.admit(ctx, q, r, want.plan, want.offer.Zone, before)
}

// forZone says whether the zone has to act on a change.
func forZone(c api.Change) bool {
	return c.Field != "spec.displayName" && c.Field != "spec.protected" && c.Field != "spec.suspendable" && !strings.HasPrefix(c.Field, "metadata.labels") && !strings.HasPrefix(c.Field, "spec.maintenance")
}

// differences lists what would change, field by field.
func differences(v View, want proposal) []api.Change {
	var out []api.Change
	add := func(field string, from, to any) {
		if !reflect.DeepEqual(from, to) {
			out = append(out, api.Change{Field: field, From: from, To: to})
		}
	}
	add("spec.plan", v.Plan, want.plan.Name)
	add("spec.storageGiB", v.StorageGib, want.storage)
	add("spec.displayName", v.DisplayName, want.display)
	add("spec.protected", v.Protected, want.protected)
	add("spec.suspendable", v.Suspendable, want.suspendable)
	add("spec.allowedNetworks", v.AllowedNetworks, want.networks)
	add("spec.logs.retentionDays", v.LogDays, want.logDays)
	compareWindows(WindowOf(v.Instance), want.maintenance, add)
	compareBackups(planOf(v.Instance), planned{want.backup, true}, add)
	var labels map[string]string
	_ = json.Unmarshal(v.Labels, &labels)
	compareMaps("metadata.labels.", labels, want.labels, add)
	var before, after map[string]any
	_ = json.Unmarshal(v.Parameters, &before)
	_ = json.Unmarshal(mustJSON(want.params), &after) // numbers of one kind on both sides
	compareMaps("spec.parameters.", before, after, add)
	return out
}

func compareMaps[V any](prefix string, before, after map[string]V, add func(string, any, any)) {
	keys := slices.Sorted(maps.Keys(before))
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if _, both := before[k]; !both {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		add(prefix+k, value(before, k), value(after, k))
	}
}

func value[V any](m map[string]V, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return nil
}

func sentence(changes []api.Change) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		field := strings.TrimPrefix(strings.TrimPrefix(c.Field, "spec."), "metadata.")
		switch {
		case c.From == nil || c.From == "":
			parts[i] = fmt.Sprintf("%s set to %v", field, c.To)
		case c.To == "":
			parts[i] = fmt.Sprintf("%s from %v to nothing", field, c.From)
		case c.To == nil:
			parts[i] = fmt.Sprintf("%s back to its default", field)
		default:
			parts[i] = fmt.Sprintf("%s from %v to %v", field, c.From, c.To)
		}
	}
	return "Changed " + strings.Join(parts, ", ") + "."
}

func details(changes []api.Change) map[string]any {
	out := map[string]any{}
	for _, c := range changes {
		out[c.Field] = map[string]any{"from": c.From, "to": c.To}
	}
	return out
}

// PreviewUpdate says what Update would do and cost. It writes nothing.
func (s *Service) PreviewUpdate(ctx context.Context, tx store.Tx, p Place, name string, put api.InstancePut) (api.Preview, error) {
	v, err := s.Get(ctx, tx, p, name)
	if err != nil {
		return api.Preview{}, err
	}
	if err := alive(v); err != nil {
		return api.Preview{}, err
	}
	want, err := s.proposeUpdate(ctx, tx, v, put.Spec, put.Metadata.Labels, put.AcceptedPriceList)
	if err != nil {
		return api.Preview{}, err
	}
	m, err := s.month(ctx, tx, p)
	if err != nil {
		return api.Preview{}, err
	}
	now, err := s.currentPrices(ctx, tx, v)
	if err != nil {
		return api.Preview{}, err
	}
	before := billing.QuoteFor(v.StorageGib, pricesWith(planOf(v.Instance).has && billedBackups(planOf(v.Instance).Plan), now), m)
	after := billing.QuoteFor(want.storage, pricesWith(billedBackups(want.backup), want.prices), m)
	currency := want.offer.Currency
	beforeDoc := QuotePrice(before, currency)
	changes := differences(v, want)
	out := api.Preview{Action: "update", Changes: changes, Effects: append(want.effects, restarts(want, changes)...), PriceList: int(want.offer.PriceListRevision),
		Cost: api.CostDiff{Before: &beforeDoc, After: QuotePrice(after, currency), HourDelta: amount(after.Hour.Sub(before.Hour), currency), MonthDelta: amount(after.Month.Sub(before.Month), currency)}}
	if len(changes) == 0 {
		out.Action, out.Changes = "none", []api.Change{}
		return out, nil
	}
	out.Budgets, err = s.effects(ctx, tx, p, m, after.Month.Sub(before.Month), currency)
	return out, err
}

// pricedFrom is what an instance is priced by now, and what it will be as far as that is
// published.
func (s *Service) pricedFrom(ctx context.Context, tx store.Tx, v View) ([]billing.Priced, error) {
	terms, err := instancedb.New(tx).OrganizationTerms(ctx, v.OrganizationID)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(terms.TimeZone)
	if err != nil {
		return nil, err
	}
	return billing.PricedFrom(ctx, tx, v.ID, v.Service, v.Plan, billing.Terms{PriceList: v.PriceListRevisionID, ServiceLevel: v.ServiceLevel}, zone, s.Clock.Now())
}

// currentPrices are those that the instance is priced by now.
func (s *Service) currentPrices(ctx context.Context, tx store.Tx, v View) ([]billing.Price, error) {
	all, err := s.pricedFrom(ctx, tx, v)
	if err != nil {
		return nil, err
	}
	return all[0].Prices, nil
}

func restarts(want proposal, changes []api.Change) []string {
	var out []string
	for _, c := range changes {
		if parameter, ok := strings.CutPrefix(c.Field, "spec.parameters."); ok && want.offer.Definition.Schema.NeedsRestart(parameter) {
			out = append(out, fmt.Sprintf("The server restarts to take on %s; connections are closed for some seconds.", parameter))
		}
		if c.Field == "spec.backup.to" {
			out = append(out, "A new backup is taken to the other place at once. Backups that there are stay where they are, and can be restored until they expire; points in time before the end of the new one cannot.")
		}
		if c.Field == "spec.backup.enabled" && want.offer.Definition.RestartsFor("backup") {
			out = append(out, "The server restarts to begin or end keeping what it changes; connections are closed for some seconds.")
		}
	}
	return out
}
