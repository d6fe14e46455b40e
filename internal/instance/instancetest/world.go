// Package instancetest lays down, in a database of its own, what tests of
// instances need around them: organizations, a zone, the real PostgreSQL package
// and a price list.
package instancetest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/catalog"
	"souk/internal/catalog/catalogdb"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/envelope"
	"souk/internal/instance"
	"souk/internal/servicepkg"
	"souk/internal/signing"
	"souk/internal/store"
	"souk/internal/store/storetest"
	"souk/internal/tenancy"
	"souk/services/postgresql"
)

// Start is the time at which every World begins: a Monday, at noon in Zurich.
var Start = time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)

// Zurich is the time zone of all organizations.
var Zurich = zurich()

func zurich() *time.Location {
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		panic(err)
	}
	return zone
}

// World is a control plane's record with two customers and two zones in it.
type World struct {
	Store   *store.Store
	Config  store.Config
	Machine *clock.Manual // the machine's time
	Clock   *clock.Offset // Souk's
	Secrets *envelope.Envelope
	*instance.Service

	Operator uuid.UUID // the organization that is the provider
	Provider uuid.UUID // of services, prices and zones
	Zone     uuid.UUID // "local", where everything is offered
	Abroad   uuid.UUID // "abroad", where nothing is
	Acme     instance.Place
	Globex   instance.Place

	t        testing.TB // of the whole World
	super    *pgx.Conn
	sequence uint64
}

// Engines are what a zone has to say that it runs, so that it can be ordered there.
func Engines() driver.Info {
	return driver.Info{Driver: "fake", Isolation: "shared", Simulated: true, Engines: []driver.EngineVersion{{Service: "postgresql", Version: "15.0"}}}
}

// New makes a World, whose zones have agents that said hello.
func New(t testing.TB) *World {
	t.Helper()
	w := Empty(t)
	w.System(t, func(tx store.Tx) error {
		for _, zone := range []uuid.UUID{w.Zone, w.Abroad} {
			_, err := tx.Exec(t.Context(), `INSERT INTO zone_agents (zone_id, epoch, key_hash, not_after, enrolled_at, info) VALUES ($1, 1, '', $2, $2, $3)`, zone, Start, Engines())
			if err != nil {
				return err
			}
		}
		return nil
	})
	return w
}

// Empty makes a World whose zones have no agents.
func Empty(t testing.TB) *World {
	t.Helper()
	w := &World{t: t, Config: storetest.NewConfig(t), Machine: &clock.Manual{}}
	w.Machine.Set(Start)
	w.Clock = &clock.Offset{Real: w.Machine.Now}
	var err error
	if w.Store, err = store.Open(t.Context(), w.Config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Store.Close)
	keys, err := envelope.Create(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	w.Secrets = envelope.New(keys)
	w.Service = w.Replica(w.Clock)
	w.System(t, func(tx store.Tx) error { return w.plant(t.Context(), tx) })
	return w
}

// Replica returns the Service of another replica, which has a clock of its own.
func (w *World) Replica(c clock.Clock) *instance.Service {
	return &instance.Service{Clock: c, Catalog: catalog.New(), Secrets: w.Secrets, Packages: map[string]servicepkg.Package{"postgresql": postgresql.Package()},
		Evidence: &signing.Service{Store: w.Store, Clock: c, Secrets: w.Secrets}}
}

func (w *World) plant(ctx context.Context, tx store.Tx) error {
	places := map[string]*instance.Place{"acme": &w.Acme, "globex": &w.Globex}
	for _, name := range []string{"acme", "globex"} {
		s := tenancy.Seed{Name: name, Kinds: []string{"customer"}, TimeZone: "Europe/Zurich", Projects: []string{"default"}}
		id, err := s.Plant(ctx, tx, Start)
		if err != nil {
			return err
		}
		project, err := tenancy.ProjectID(ctx, tx, id, "default")
		if err != nil {
			return err
		}
		*places[name] = instance.Place{Organization: id, Project: project, OrganizationName: name, ProjectName: "default", Actor: "user:jane", RequestID: "request-1"}
	}
	var err error
	w.Operator, err = tenancy.Seed{Name: "operator", Kinds: []string{"operator"}, TimeZone: "Europe/Zurich"}.Plant(ctx, tx, Start)
	if err != nil {
		return err
	}
	q := catalogdb.New(tx)
	w.Provider, err = q.InsertProvider(ctx, catalogdb.InsertProviderParams{ID: store.NewID(), OrganizationID: w.Operator, Name: "souk", Title: "Souk", Kind: "operator", CreatedAt: Start})
	if err != nil {
		return err
	}
	for name, id := range map[string]*uuid.UUID{"local": &w.Zone, "abroad": &w.Abroad} {
		*id, err = q.InsertZone(ctx, catalogdb.InsertZoneParams{ID: store.NewID(), ProviderID: w.Provider, OrganizationID: w.Operator, Name: name, Title: name, Driver: "fake",
			FailureDomains: []string{"one"}, CapacityCpuMillis: 1e6, CapacityMemoryMib: 1e6, CapacityStorageGib: 1e6, CapacityInstances: 1e6, CreatedAt: Start})
		if err != nil {
			return err
		}
	}
	return w.publish(ctx, tx, Prices(), postgresql.Package().Definition)
}

// Prices are those of the demonstration: by the hour, and by the GiB and month.
func Prices() []catalog.PriceEntry {
	compute := func(plan, amount string) catalog.PriceEntry {
		return catalog.PriceEntry{Service: "postgresql", Plan: plan, ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: amount}
	}
	return []catalog.PriceEntry{
		compute("small", "0.02"), compute("medium", "0.04"), compute("large", "0.08"),
		{Service: "postgresql", ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "0.20"},
	}
}

// Metered is PostgreSQL's definition with a meter, "queries", of which its provider reports.
func Metered() servicepkg.Definition {
	d := postgresql.Package().Definition
	d.Meters = []servicepkg.Meter{{Name: "queries", Title: "Queries", Unit: "request", Aggregation: servicepkg.AggregateSum, Description: "Answered."}}
	return d
}

// Publish makes prices and a definition the newest ones, offered in zone local.
func (w *World) Publish(t testing.TB, prices []catalog.PriceEntry, d servicepkg.Definition) {
	t.Helper()
	w.System(t, func(tx store.Tx) error { return w.publish(t.Context(), tx, prices, d) })
}

func (w *World) publish(ctx context.Context, tx store.Tx, prices []catalog.PriceEntry, d servicepkg.Definition) error {
	now := w.Clock.Now()
	list, err := catalog.PublishPriceList(ctx, tx, w.Provider, "demo", "CHF", prices, now)
	if err != nil {
		return err
	}
	revision, err := catalog.PublishPackage(ctx, tx, w.Provider, d, now)
	if err != nil {
		return err
	}
	return catalog.PublishOffering(ctx, tx, d.Name, w.Zone, revision, list, "best-effort", now)
}
