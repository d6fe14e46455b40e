package instance

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/compare"
	"souk/internal/driver"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/window"
)

// proposal is a spec, checked and with its defaults filled in, before anything
// is written.
type proposal struct {
	offer     catalog.Offer
	plan      catalogdb.PlanRevision
	priceList uuid.UUID // revision in force after the change
	prices    []billing.Price
	storage   int64
	params    map[string]any
	networks  []string
	display   string
	protected bool
	// suspendable is whether a budget may suspend it.
	suspendable bool
	labels      map[string]string
	backup      backup.Plan
	logDays     int32
	// maintenance is when it may be interrupted.
	maintenance window.Window
	effects     []string
}

var nameForm = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func checkName(location, name string) error {
	if nameForm.MatchString(name) {
		return nil
	}
	return problem.InvalidField(location, name, "A name has 1 to 63 lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen.")
}

// propose checks an order.
func (s *Service) propose(ctx context.Context, tx store.Tx, organization uuid.UUID, spec api.InstanceSpec, labels map[string]string, accepted int) (proposal, error) {
	offer, err := s.findOffer(ctx, tx, spec)
	if err != nil {
		return proposal{}, err
	}
	if err := s.orderable(ctx, tx, offer); err != nil {
		return proposal{}, err
	}
	p := proposal{offer: offer, priceList: offer.PriceListRevisionID}
	plan, err := choosePlan(offer, spec.Plan)
	if err != nil {
		return proposal{}, err
	}
	p.plan, p.prices = plan.PlanRevision, plan.Prices
	p.storage = spec.StorageGiB
	if p.storage == 0 {
		p.storage = p.plan.MinStorageGib
	}
	if err := s.settings(&p, spec, labels); err != nil {
		return proposal{}, err
	}
	if p.backup, err = s.backupPlan(ctx, tx, organization, offer, spec.Backup, false); err != nil {
		return proposal{}, err
	}
	if p.maintenance, err = maintenanceWindow(ctx, tx, organization, spec.Maintenance); err != nil {
		return proposal{}, err
	}
	return p, acceptedPrices(accepted, offer)
}

// findOffer finds what the spec names, filling in zone and service level.
func (s *Service) findOffer(ctx context.Context, tx store.Tx, spec api.InstanceSpec) (catalog.Offer, error) {
	if spec.Service == "" {
		return catalog.Offer{}, problem.InvalidField("body.spec.service", "", "Say which service to order; GET /api/v1/services lists them.")
	}
	offers, err := s.Catalog.Offers(ctx, tx, spec.Service, "")
	if err != nil {
		return catalog.Offer{}, err
	}
	offers = slices.DeleteFunc(offers, func(o catalog.Offer) bool { return o.Withdrawn })
	if len(offers) == 0 {
		return catalog.Offer{}, problem.InvalidField("body.spec.service", spec.Service, "There is no service named %q on offer; the catalog lists those that are.", spec.Service)
	}
	if spec.Zone != "" {
		zones := names(offers, func(o catalog.Offer) string { return o.Zone })
		offers = slices.DeleteFunc(offers, func(o catalog.Offer) bool { return o.Zone != spec.Zone })
		if len(offers) == 0 {
			return catalog.Offer{}, problem.InvalidField("body.spec.zone", spec.Zone, "%s is not offered in a zone named %q. It is in: %s.", spec.Service, spec.Zone, zones)
		}
	} else {
		slices.SortStableFunc(offers, func(a, b catalog.Offer) int { return compare.Bool(a.Simulated, b.Simulated) })
	}
	level := spec.ServiceLevel
	if level == "" {
		level = "best-effort"
	}
	i := slices.IndexFunc(offers, func(o catalog.Offer) bool { return o.ServiceLevel == level })
	if i < 0 {
		return catalog.Offer{}, problem.InvalidField("body.spec.serviceLevel", level, "The service level %q is not offered there. Offered: %s.", level, names(offers, func(o catalog.Offer) string { return o.ServiceLevel }))
	}
	return offers[i], nil
}

func names(offers []catalog.Offer, f func(catalog.Offer) string) string {
	var out []string
	for _, o := range offers {
		if !slices.Contains(out, f(o)) {
			out = append(out, f(o))
		}
	}
	return strings.Join(out, ", ")
}

// orderable says no when the zone's agent has told that it cannot run the service.
func (s *Service) orderable(ctx context.Context, tx store.Tx, o catalog.Offer) error {
	zones, err := catalogdb.New(tx).Zones(ctx, o.Zone)
	if err != nil {
		return err
	}
	reason := Unavailable(zones[0], o.Service, o.ServiceLevel)
	if reason == "" {
		return nil
	}
	if reason == notGuaranteed(zones[0], o.Service, o.ServiceLevel) {
		return &problem.Error{Status: http.StatusConflict, Code: "not-guaranteed",
			Detail: fmt.Sprintf("%s cannot be ordered with guaranteed availability in zone %s.", o.Service, o.Zone),
			Fields: []problem.Field{{Location: "body.spec.serviceLevel", Value: o.ServiceLevel, Message: sentenceCase(reason)}}}
	}
	if reason == tooFewDomains(zones[0], o.ServiceLevel) {
		return &problem.Error{Status: http.StatusConflict, Code: "too-few-failure-domains",
			Detail: fmt.Sprintf("%s cannot be ordered with guaranteed availability in zone %s now.", o.Service, o.Zone),
			Fields: []problem.Field{{Location: "body.spec.serviceLevel", Value: o.ServiceLevel, Message: sentenceCase(reason)}}}
	}
	if reason == notReported { // it may be starting: clients try again
		return &problem.Error{Status: http.StatusServiceUnavailable, Code: "zone-not-ready", RetryAfter: time.Second,
			Detail: fmt.Sprintf("%s cannot be ordered in zone %s yet: %s", o.Service, o.Zone, reason)}
	}
	return problem.Conflict("zone-cannot", "%s cannot be ordered in zone %s now: %s", o.Service, o.Zone, reason)
}

const notReported = "no agent has reported from there yet. If this goes on, the operator has to enrol one."

// Unavailable says why a service cannot be ordered in a zone at a service level
// now, or "".
func Unavailable(z catalogdb.ZonesRow, service, level string) string {
	if z.RevokedAt != nil {
		return "its agent has been cut off by the operator. Order in another zone, or wait until an agent is enrolled again."
	}
	info := catalog.Reported(z)
	if info.Driver == "" {
		return notReported
	}
	why := "its agent does not have this service."
	for _, e := range info.Engines {
		if e.Service == service && e.Problem == "" {
			return cmp.Or(notGuaranteed(z, service, level), tooFewDomains(z, level))
		}
		if e.Service == service {
			why = e.Problem
		}
	}
	return why
}

// notGuaranteed says why the zone can never keep the service level's promise for the
// service, or "".
func notGuaranteed(z catalogdb.ZonesRow, service, level string) string {
	why := catalog.NoGuaranteed(z, service)
	if level != catalog.Guaranteed || why == "" {
		return ""
	}
	return why + " Order it with best effort or in another zone."
}

// tooFewDomains says why the zone cannot keep the service level's promise now, or "".
func tooFewDomains(z catalogdb.ZonesRow, level string) string {
	domains := catalog.FailureDomains(z)
	if level != catalog.Guaranteed || len(domains) >= catalog.DomainsOfGuaranteed {
		return ""
	}
	has := "none is there now"
	if len(domains) > 0 {
		has = fmt.Sprintf("only %d of them are there now (%s)", len(domains), strings.Join(domains, ", "))
	}
	return fmt.Sprintf("it needs three failure domains, and %s. Order it with best effort or in another zone, or wait until the zone's provider has brought the others back.", has)
}

func sentenceCase(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func choosePlan(o catalog.Offer, name string) (catalog.PlanOffer, error) {
	if name == "" && len(o.Plans) > 0 {
		return o.Plans[0], nil
	}
	if p, ok := o.Plan(name); ok {
		return p, nil
	}
	var all []string
	for _, p := range o.Plans {
		all = append(all, p.Name)
	}
	return catalog.PlanOffer{}, problem.InvalidField("body.spec.plan", name, "%s has no plan named %q. It has: %s.", o.Service, name, strings.Join(all, ", "))
}

func acceptedPrices(accepted int, o catalog.Offer) error {
	if accepted == 0 || accepted == int(o.PriceListRevision) {
		return nil
	}
	return problem.Conflict("prices-changed", "Prices have changed since you were shown revision %d; now it is %d. Look at the new price and order again.", accepted, o.PriceListRevision)
}

// settings checks everything but plan and prices.
func (s *Service) settings(p *proposal, spec api.InstanceSpec, labels map[string]string) error {
	var wrong []problem.Field
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, problem.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case p.storage < 0:
		add("body.spec.storageGiB", p.storage, "Storage cannot be negative.")
	case p.storage < p.plan.MinStorageGib || p.storage > p.plan.MaxStorageGib:
		add("body.spec.storageGiB", p.storage, "Plan %s has from %d to %d GiB of storage.", p.plan.Name, p.plan.MinStorageGib, p.plan.MaxStorageGib)
	}
	p.params = spec.Parameters
	if p.params == nil {
		p.params = map[string]any{}
	}
	for _, e := range p.offer.Definition.Schema.Check(p.params) {
		add(strings.TrimSuffix("body.spec.parameters."+e.Path, "."), nil, "%s", e.Message)
	}
	given := spec.AllowedNetworks
	if len(given) > mostNetworks {
		add("body.spec.allowedNetworks", nil, "At most %d networks can be allowed.", mostNetworks)
		given = given[:mostNetworks] // finding equal ones takes the square of their number
	}
	networks, bad := parseNetworks(given)
	for i, n := range bad {
		add(fmt.Sprintf("body.spec.allowedNetworks[%d]", i), n, "This is not a network such as 203.0.113.0/24 or 2001:db8::/32.")
	}
	if note, lacks := p.offer.Definition.Lacks(servicepkg.CapabilityNetworks, p.offer.Driver); lacks {
		if _, ok := driver.AllOrNone(networks); !ok {
			add("body.spec.allowedNetworks", nil, "%s Allow everywhere (0.0.0.0/0 and ::/0), or nobody by an empty list.", note)
		}
	}
	p.networks = networks
	p.display = strings.TrimSpace(spec.DisplayName)
	if len([]rune(p.display)) > 120 || strings.ContainsFunc(p.display, isControl) {
		add("body.spec.displayName", nil, "A display name is one line of at most 120 characters.")
	}
	p.logDays = standardLogDays
	if spec.Logs != nil && spec.Logs.RetentionDays != 0 {
		p.logDays = int32(min(max(spec.Logs.RetentionDays, -1), longestLogDays+1))
	}
	if p.logDays < 1 || p.logDays > longestLogDays {
		add("body.spec.logs.retentionDays", spec.Logs.RetentionDays, "Logs are kept for 1 to %d days.", longestLogDays)
	}
	p.protected = spec.Protected == nil || *spec.Protected
	p.suspendable = spec.Suspendable
	p.labels = labels
	for _, f := range checkLabels(labels) {
		wrong = append(wrong, f)
	}
	if len(wrong) > 0 {
		return problem.Invalid(wrong...)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

var labelForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$`)

func checkLabels(labels map[string]string) []problem.Field {
	var wrong []problem.Field
	if len(labels) > 64 {
		wrong = append(wrong, problem.Field{Location: "body.metadata.labels", Message: "At most 64 labels."})
	}
	for k, v := range labels {
		if !labelForm.MatchString(k) || (v != "" && !labelForm.MatchString(v)) {
			wrong = append(wrong, problem.Field{Location: "body.metadata.labels." + k, Value: v, Message: "Keys and values have at most 63 letters, digits, dots, hyphens, underscores and slashes."})
		}
	}
	slices.SortFunc(wrong, func(a, b problem.Field) int { return strings.Compare(a.Location, b.Location) })
	return wrong
}

// For how many days logs are kept.
const (
	standardLogDays = 7
	longestLogDays  = 90
)

// mostNetworks bounds the allow-list of an instance.
const mostNetworks = 100

// parseNetworks returns the networks in canonical form, and those that are
// none, by their index. nil means everywhere.
func parseNetworks(in []string) ([]string, map[int]string) {
	if in == nil {
		return []string{"0.0.0.0/0", "::/0"}, nil
	}
	out, bad := []string{}, map[int]string{}
	for i, n := range in {
		n = strings.TrimSpace(n)
		prefix, err := netip.ParsePrefix(n)
		if addr, addrErr := netip.ParseAddr(n); addrErr == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			bad[i] = n
			continue
		}
		if c := prefix.Masked().String(); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out, bad
}

// proposeUpdate checks a full spec against an existing instance. What an
// instance is, where it runs and at which service level stays; where these, or
// the storage, are absent they mean what is.
func (s *Service) proposeUpdate(ctx context.Context, tx store.Tx, v View, spec api.InstanceSpec, labels map[string]string, accepted int) (proposal, error) {
	if err := unchangeable(v, spec); err != nil {
		return proposal{}, err
	}
	offers, err := s.Catalog.Offers(ctx, tx, v.Service, v.Zone)
	if err != nil {
		return proposal{}, err
	}
	i := slices.IndexFunc(offers, func(o catalog.Offer) bool { return o.ServiceLevel == v.ServiceLevel })
	if i < 0 {
		return proposal{}, fmt.Errorf("the offering of instance %s is gone", v.ID)
	}
	p := proposal{offer: offers[i]}
	if p.offer.Definition, err = s.Catalog.Definition(ctx, tx, v.PackageRevisionID); err != nil {
		return proposal{}, err
	}
	if err := s.sizes(ctx, tx, v, spec, &p); err != nil {
		return proposal{}, err
	}
	if err := s.settings(&p, spec, labels); err != nil {
		return proposal{}, err
	}
	if p.backup, err = s.backupPlan(ctx, tx, v.OrganizationID, p.offer, spec.Backup, planOf(v.Instance).enabled()); err != nil {
		return proposal{}, err
	}
	if p.maintenance, err = maintenanceWindow(ctx, tx, v.OrganizationID, spec.Maintenance); err != nil {
		return proposal{}, err
	}
	if p.plan.ID != v.PlanRevisionID || p.storage != v.StorageGib {
		return p, acceptedPrices(accepted, p.offer)
	}
	return p, nil
}

func unchangeable(v View, spec api.InstanceSpec) error {
	var wrong []problem.Field
	for _, f := range []struct{ location, want, is string }{
		{"body.spec.service", spec.Service, v.Service},
		{"body.spec.zone", spec.Zone, v.Zone},
		{"body.spec.serviceLevel", spec.ServiceLevel, v.ServiceLevel},
	} {
		if f.want != "" && f.want != f.is {
			wrong = append(wrong, problem.Field{Location: f.location, Value: f.want, Message: fmt.Sprintf("This cannot change; it is %s. Order another instance instead.", f.is)})
		}
	}
	if len(wrong) > 0 {
		return problem.Invalid(wrong...)
	}
	return nil
}

// leastStorage is what an instance has at least. Where its zone has refused to
// grow it, and leaves it to the user, that is what it has in fact.
func leastStorage(v View) int64 {
	if v.BlockedBy == "you" && v.AppliedStorageGib > 0 {
		return min(v.StorageGib, v.AppliedStorageGib)
	}
	return v.StorageGib
}

// sizes settles plan, storage and the prices: while neither size changes the
// instance stays on the revisions that it was ordered with; a new size is a new
// agreement at the current prices.
func (s *Service) sizes(ctx context.Context, tx store.Tx, v View, spec api.InstanceSpec, p *proposal) error {
	plan, err := choosePlan(p.offer, spec.Plan)
	if spec.Plan == v.Plan {
		err = nil // kept, even if it is not on sale any more
	}
	if err != nil {
		return err
	}
	p.storage = spec.StorageGiB
	if p.storage == 0 {
		p.storage = v.StorageGib
	}
	if least := leastStorage(v); p.storage >= 0 && p.storage < least {
		return problem.InvalidField("body.spec.storageGiB", p.storage, "Storage can grow but not shrink; it is %d GiB.", least)
	}
	samePlan := plan.Name == v.Plan || spec.Plan == v.Plan
	if samePlan && p.storage == v.StorageGib {
		p.priceList = v.PriceListRevisionID
		if p.prices, err = s.currentPrices(ctx, tx, v); err != nil {
			return err
		}
		p.plan, err = catalogdb.New(tx).Plan(ctx, v.PlanRevisionID)
		return err
	}
	if plan.ID == uuid.Nil {
		return problem.InvalidField("body.spec.plan", spec.Plan, "This plan is not on sale any more; choose another one with the new size.")
	}
	p.plan, p.prices, p.priceList = plan.PlanRevision, plan.Prices, p.offer.PriceListRevisionID
	if !samePlan {
		p.effects = append(p.effects, cmp.Or(p.offer.Definition.PlanChange, "The server restarts to take on its new size; connections are closed for some seconds."))
	}
	return nil
}

func intentActive(r row) bool { return r.Intent == string(agentapi.IntentActive) }
