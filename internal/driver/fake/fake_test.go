package fake_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/conformance"
	"souk/internal/driver/fake"
)

func order() driver.Instance {
	return driver.Instance{
		ID: uuid.NewString(), Service: "anything", Generation: 1,
		Plan: driver.Plan{Name: "small", CPUMillis: 250, MemoryMiB: 512}, StorageGiB: 10,
		AllowedNetworks: []string{"127.0.0.0/8"},
		Credentials:     []driver.Credential{{ID: "first", Login: "alice", Password: "correct-horse"}},
	}
}

// client reads by what the simulated instance counts.
type client struct {
	*fake.Session
	read func()
}

func (c client) Put(_ context.Context, mark string) error { c.Session.Put(mark); return nil }
func (c client) Has(_ context.Context, mark string) (bool, error) {
	c.read()
	return c.Session.Has(mark), nil
}
func (c client) Close() {}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Harness {
		service := order().Service
		d := fake.New(fake.Config{Engines: []driver.EngineVersion{{Service: service, Version: "15.18"}}})
		return conformance.Harness{
			Upgrade: func(version string) { d.Upgrade(service, version) },
			Driver:  d, Order: order, Elsewhere: "192.0.2.0/24",
			Larger: driver.Plan{Name: "large", CPUMillis: 1000, MemoryMiB: 1024},
			Connect: func(_ context.Context, id string, _ *driver.Endpoint, c driver.Credential) (conformance.Client, error) {
				session, err := d.Login(id, netip.MustParseAddr("127.0.0.1"), c.Login, c.Password)
				return client{session, func() { d.Count(id, "traffic-out", 20) }}, err
			},
			LoseData: func(_ *testing.T, id string) { d.LoseData(id) },
			Meters:   []string{"traffic-out"},
		}
	})
}

func TestSimulationIsPlain(t *testing.T) {
	d := fake.New(fake.Config{Engines: []driver.EngineVersion{{Service: "postgresql", Version: "15.0"}}})
	info, err := d.Info(t.Context())
	if err != nil || !info.Simulated || info.Driver != "fake" || len(info.Engines) != 1 {
		t.Errorf("info %+v, %v", info, err)
	}
	seen, err := d.Ensure(t.Context(), order())
	if err != nil || seen.Endpoint.Host != "simulated.invalid" {
		t.Errorf("endpoint %+v, %v", seen.Endpoint, err)
	}
}

func TestHooksDecideOutcomes(t *testing.T) {
	broken := errors.New("broken")
	d := fake.New(fake.Config{Before: func(_ context.Context, op fake.Op, _ string) error {
		if op == fake.OpEnsure {
			return broken
		}
		return nil
	}})
	want := order()
	if _, err := d.Ensure(t.Context(), want); !errors.Is(err, broken) {
		t.Errorf("ensure: %v", err)
	}
	if _, err := d.Observe(t.Context(), want.ID); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("a failed ensure left something: %v", err)
	}
}

func TestFaultsShowAndTell(t *testing.T) {
	d := fake.New(fake.Config{})
	want := order()
	if _, err := d.Ensure(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	d.Crash(want.ID)
	if id := <-d.Events(); id != want.ID {
		t.Errorf("event about %s", id)
	}
	if seen, _ := d.Observe(t.Context(), want.ID); seen.State != driver.StateDegraded {
		t.Errorf("crashed, and then %s", seen.State)
	}
	if seen, _ := d.Ensure(t.Context(), want); seen.State != driver.StateRunning {
		t.Errorf("mended, and then %s", seen.State)
	}
	d.Fill(want.ID, want.StorageGiB<<30)
	seen, err := d.Observe(t.Context(), want.ID)
	if err != nil || seen.State != driver.StateDegraded || len(seen.Conditions) != 1 || seen.Conditions[0].Type != "StorageFull" {
		t.Errorf("full, and then %+v, %v", seen, err)
	}
}

func BenchmarkEnsureNoChange(b *testing.B) {
	d := fake.New(fake.Config{})
	wants := make([]driver.Instance, 10_000)
	for i := range wants {
		wants[i] = order()
	}
	for i := 0; b.Loop(); i++ {
		if _, err := d.Ensure(b.Context(), wants[i%len(wants)]); err != nil {
			b.Fatal(err)
		}
	}
}
