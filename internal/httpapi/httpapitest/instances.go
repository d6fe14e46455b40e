package httpapitest

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/alert"
	"souk/internal/budget"
	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/change"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/envelope"
	"souk/internal/httpapi"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/maintenance"
	"souk/internal/metrics"
	"souk/internal/outbound"
	"souk/internal/payment"
	"souk/internal/reconcile"
	"souk/internal/servicepkg"
	"souk/internal/signing"
	"souk/internal/sla"
	"souk/internal/sso"
	"souk/internal/store"
	"souk/internal/zone"
	"souk/services/postgresql"
)

// Zone is the zone that every Env has, and Service what can be ordered there. No
// agent is connected.
const (
	Zone    = "local"
	Service = "postgresql"
)

// equip gives the configuration what the operations on instances are carried
// out by.
func (e *Env) equip(t testing.TB, c *httpapi.Config) {
	t.Helper()
	keyring, err := envelope.Create(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	secrets, ticking := envelope.New(keyring), &clock.Offset{Real: e.Clock.Now}
	c.Clock, c.Real, c.Secrets = ticking, e.Clock.Now, secrets
	c.Catalog, c.Feed = catalog.New(), change.New(e.Store.SystemPool(), c.Logger)
	c.Instances = &instance.Service{
		Clock: ticking, Catalog: c.Catalog, Secrets: secrets, Packages: map[string]servicepkg.Package{Service: postgresql.Package()},
	}
	c.Zones, err = zone.New(t.Context(), zone.Config{Store: e.Store, Clock: ticking, Feed: c.Feed, Instances: c.Instances, Secrets: secrets, Logger: c.Logger, Names: []string{"localhost"}})
	if err != nil {
		t.Fatal(err)
	}
	e.instances = c.Instances
	figures, err := metrics.OpenLocal(metrics.LocalConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := figures.Close(); err != nil {
			t.Error(err)
		}
	})
	e.Metrics, c.Metrics = figures, figures
	c.Mail, c.CaughtMail = &mail.Outbox{Secrets: secrets, PublicURL: PublicURL}, &mail.Catcher{Store: e.Store, Clock: ticking}
	c.SSO = sso.New(sso.Config{Store: e.Store, Secrets: secrets, Real: e.Clock.Now, Logger: c.Logger, Resolver: e.DNS, Dev: true})
	e.Alerts = alert.New(alert.Config{Store: e.Store, Clock: ticking, Real: e.Clock.Now, Secrets: secrets, Mail: c.Mail, Metrics: figures, Packages: c.Instances.Packages, SLA: &sla.Service{Clock: ticking, Catalog: c.Instances.Catalog}, PublicURL: PublicURL, Logger: c.Logger, Reach: outbound.Rules{Dev: true}})
	c.Books = &reconcile.Service{Clock: ticking, Tell: e.Alerts.TellOfBooks}
	c.Alerts = e.Alerts
	c.Instances.Budgets, c.Instances.Standing = budget.Guard{Clock: ticking}, payment.Guard{}
	c.Budgets = &budget.Service{Clock: ticking, Instances: c.Instances, Mail: c.Mail}
	c.Maintenance = &maintenance.Service{Store: e.Store, Clock: ticking, Real: e.Clock.Now, Instances: c.Instances, Mail: c.Mail}
	e.Signing = &signing.Service{Store: e.Store, Clock: ticking, Secrets: secrets}
	c.Signing, c.Instances.Evidence = e.Signing, e.Signing
	e.mails = &mail.Worker{Store: e.Store, Clock: ticking, Secrets: secrets, Sender: c.CaughtMail, Logger: c.Logger}
}

// offer puts the service on offer in the zone, with room for as much as a test
// may order.
func (e *Env) offer(ctx context.Context, tx store.Tx) error {
	const plenty = 1 << 40
	now, q := e.Clock.Now(), catalogdb.New(tx)
	provider, err := q.InsertProvider(ctx, catalogdb.InsertProviderParams{
		ID: store.NewID(), OrganizationID: e.Organizations[Operator], Name: "souk", Title: "Souk", Kind: "operator", CreatedAt: now,
	})
	if err != nil {
		return err
	}
	e.zone, err = q.InsertZone(ctx, catalogdb.InsertZoneParams{
		ID: store.NewID(), ProviderID: provider, OrganizationID: e.Organizations[Operator], Name: Zone, Title: "Local", Driver: "fake", FailureDomains: []string{"one"},
		CapacityCpuMillis: plenty, CapacityMemoryMib: plenty, CapacityStorageGib: plenty, CapacityInstances: plenty, CreatedAt: now,
	})
	if err != nil {
		return err
	}
	info, err := json.Marshal(driver.Info{Driver: "fake", Engines: []driver.EngineVersion{{Service: Service, Version: "15"}}})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at, info, last_seen_at, last_seen_real) VALUES ($1, 1, '', $2, $3, $4, $3, $2)",
		e.zone, time.Now(), now, info)
	if err != nil {
		return err
	}
	prices, err := catalog.PublishPriceList(ctx, tx, provider, "list", "CHF", []catalog.PriceEntry{
		{Service: Service, ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: "0.02"},
		{Service: Service, ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "0.20"},
		{Service: Service, ServiceLevel: "best-effort", Item: "backup-storage", Unit: "GiB-month", Amount: "0.05"},
	}, now)
	if err != nil {
		return err
	}
	definition := postgresql.Package().Definition
	definition.Meters = []servicepkg.Meter{
		{Name: "queries", Title: "Queries", Unit: "request", Aggregation: servicepkg.AggregateSum, Description: "Queries that were answered."},
		{Name: "connections", Title: "Connections", Unit: "item", Aggregation: servicepkg.AggregateMaximum, Description: "Open at once, at most."},
		{Name: "traffic-out", Title: "Outgoing traffic", Unit: "byte", Aggregation: servicepkg.AggregateSum, Description: "Sent to clients.", Measured: true},
	}
	revision, err := catalog.PublishPackage(ctx, tx, provider, definition, now)
	if err != nil {
		return err
	}
	if err := catalog.PublishOffering(ctx, tx, Service, e.zone, revision, prices, "best-effort", now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE organizations SET quota_instances = $1, quota_cpu_millis = $1, quota_memory_mib = $1, quota_storage_gib = $1", int64(plenty))
	return err
}

// Instance is one that an Env ordered.
type Instance struct {
	ID         uuid.UUID
	Place      instance.Place
	Name       string
	generation int64
}

// Order makes an instance without asking the API. It is not protected.
func (e *Env) Order(t testing.TB, organization, project, name string) *Instance {
	t.Helper()
	i := &Instance{Name: name, Place: instance.Place{
		Organization: e.Organizations[organization], Project: e.Projects[organization+"/"+project], OrganizationName: organization, ProjectName: project, Actor: "test",
	}}
	no := false
	order := api.InstanceOrder{Spec: api.InstanceSpec{Service: Service, Protected: &no}}
	order.Metadata.Name = name
	e.Act(t, i, func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error) {
		return s.Order(ctx, tx, i.Place, order)
	})
	return i
}

// Ready returns an instance of the project that is ready, for tests that only
// read.
func (e *Env) Ready(t testing.TB, organization, project string) *Instance {
	t.Helper()
	key := organization + "/" + project
	if e.ready[key] == nil {
		e.ready[key] = e.Order(t, organization, project, "ready")
		e.Report(t, e.ready[key], driver.StateRunning)
	}
	return e.ready[key]
}

// Burns has the instance have used its error budget up too fast, and returns the ID of
// that.
func (e *Env) Burns(t testing.TB, i *Instance) string {
	t.Helper()
	id := store.NewID()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO budget_burns (id, organization_id, instance_id, zone_id, pace, priority, service_level, objective, rate, window_seconds, down_seconds, since, ended_at, resolution)
			SELECT $1, organization_id, id, zone_id, 'fast', 'high', service_level, '99.5', 20, 3600, 360, $3, $3, 'over' FROM instances WHERE id = $2`, id, i.ID, e.Clock.Now())
		return err
	})
	return id.String()
}

// Act changes the instance without asking the API.
func (e *Env) Act(t testing.TB, i *Instance, f func(ctx context.Context, tx store.Tx, s *instance.Service) (instance.View, error)) {
	t.Helper()
	err := e.Store.Tenant(t.Context(), store.Scope{Organizations: []uuid.UUID{i.Place.Organization}}, func(tx store.Tx) error {
		v, err := f(t.Context(), tx, e.instances)
		i.ID, i.generation = v.ID, v.Generation
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Report takes in what a zone would say of the instance: that it is in this
// state, with everything carried out that is wanted; and what else is changed.
func (e *Env) Report(t testing.TB, i *Instance, state driver.State, change ...func(*driver.Observation)) {
	t.Helper()
	e.facts++
	seen := driver.Observation{
		State: state, Generation: i.generation, StorageGiB: 1,
		Endpoint: &driver.Endpoint{Host: "127.0.0.1", Port: 5432, Database: "app", CAPEM: "PEM"},
	}
	for _, f := range change {
		f(&seen)
	}
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		return e.instances.Apply(ctx, tx, e.zone, 1, agentapi.Fact{
			Sequence: e.facts, BootID: "test", InstanceID: i.ID.String(), EffectiveAt: e.Clock.Now(), RealAt: e.Clock.Now(),
			Observation: seen,
		})
	})
}

// OfferAlso also offers the service in another zone, whose agent reports three
// failure domains, at the given price of an hour.
func (e *Env) OfferAlso(t testing.TB, zone, level, amount string) {
	t.Helper()
	e.Clock.Advance(time.Second) // it is the younger zone
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		o := catalog.Operator{Organization: e.Organizations[Operator], Packages: e.instances.Packages, At: e.Clock.Now()}
		z, made, err := catalog.MakeZone(ctx, tx, api.ZoneCreate{Name: zone, Provider: "souk", Driver: "kubernetes",
			Capacity: api.Capacity{CPUMillis: 1 << 20, MemoryMiB: 1 << 20, StorageGiB: 1 << 20, Instances: 1 << 20}}, e.Clock.Now())
		if err != nil {
			return err
		}
		if made {
			info := driver.Info{Driver: "kubernetes", Engines: []driver.EngineVersion{{Service: Service, Version: "15"}}, FailureDomains: []string{"zone-1", "zone-2", "zone-3"}, SimulatedDomains: true}
			_, err := tx.Exec(ctx, "INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at, info, last_seen_at, last_seen_real) VALUES ($1, 1, '', $2, $3, $4, $3, $2)",
				z.ID, time.Now(), e.Clock.Now(), info)
			if err != nil {
				return err
			}
		}
		list := zone + "-" + level
		_, err = o.PublishPrices(ctx, tx, list, api.PriceListPut{Currency: "CHF", Prices: []api.ListPrice{
			{Service: Service, ServiceLevel: level, Item: "compute", Unit: "hour", Amount: amount},
			{Service: Service, ServiceLevel: level, Item: "storage", Unit: "GiB-month", Amount: "0.20"},
		}})
		if err == nil {
			_, err = o.Offer(ctx, tx, zone, api.OfferingPut{Service: Service, ServiceLevel: level, PriceList: list})
		}
		return err
	})
}

// CertifyDrill certifies one restore drill that is over, and says whether there was
// one.
func (e *Env) CertifyDrill(t testing.TB) (bool, error) {
	t.Helper()
	return e.instances.CertifyDrill(t.Context(), e.Store)
}
