package reconcile_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"souk/internal/agent/reconcile"
	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// steady is a driver for whose instances nothing is ever to be done.
type steady struct {
	driver.Driver
	looked   atomic.Int64
	goal     atomic.Int64
	finished chan struct{}
	events   chan string
}

func (s *steady) Ensure(_ context.Context, want driver.Instance) (driver.Observation, error) {
	seen := running(want)
	if s.looked.Add(1) == s.goal.Load() {
		s.finished <- struct{}{}
	}
	return seen, nil
}

func (s *steady) Events() <-chan string { return s.events }

func running(want driver.Instance) driver.Observation {
	return driver.Observation{
		State: driver.StateRunning, Generation: want.Generation, Plan: want.Plan, StorageGiB: want.StorageGiB,
		Endpoint: &driver.Endpoint{Host: "127.0.0.1", Port: 5432, Database: "app", CAPEM: authority},
	}
}

// authority has the size of a real certificate in PEM.
var authority = fmt.Sprintf("%0700d", 0)

// BenchmarkNoChangePass is the whole pass over 10,000 instances with nothing to
// do: read from the encrypted cache, ask the driver, compare. Run it with -cpu 1
// for the figure on one core.
func BenchmarkNoChangePass(b *testing.B) {
	for _, instances := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("instances=%d", instances), func(b *testing.B) { noChangePass(b, instances) })
	}
}

func noChangePass(b *testing.B, instances int) {
	records := openStore(b)
	ids := seed(b, records, instances)
	zone := &steady{finished: make(chan struct{}, 1), events: make(chan string)}
	zone.goal.Store(int64(instances))
	r := reconcile.New(reconcile.Options{
		Driver: zone, Store: records, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Concurrency: 8,
		RetryMin: time.Second, RetryMax: time.Minute, Progress: time.Second, Resync: time.Hour, Call: time.Minute,
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, ctx) }()
	defer func() { cancel(); <-ended }()
	<-zone.finished // the pass at the start
	for b.Loop() {
		zone.goal.Store(zone.looked.Load() + int64(instances))
		r.Revisit(ids...)
		<-zone.finished
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(instances), "µs/instance")
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	records, err := store.Open(store.Options{
		Dir: t.TempDir(), BootID: "boot", Now: time.Now, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { records.Close() })
	if err := records.Begin("zone", 1); err != nil {
		t.Fatal(err)
	}
	return records
}

// seed has instances cached and reported as they are.
func seed(t testing.TB, records *store.Store, instances int) []string {
	t.Helper()
	ids := make([]string, instances)
	events := make([]agentapi.DesiredEvent, instances)
	for i := range instances {
		ids[i] = fmt.Sprintf("%08x-0000-4000-8000-000000000000", uint32(i)*2654435761)
		events[i].Instance = &agentapi.Desired{
			Name: "acme/default/db", Intent: agentapi.IntentActive, AcceptedAt: time.Now().UTC(),
			Instance: driver.Instance{
				ID: ids[i], Service: "postgresql", Generation: 1, StorageGiB: 10, ServiceLevel: "standard", HeldData: true,
				Plan:            driver.Plan{Name: "small", Revision: 1, CPUMillis: 500, MemoryMiB: 512},
				Parameters:      map[string]any{"work_mem": "8MB", "max_connections": 50},
				AllowedNetworks: []string{"0.0.0.0/0", "::/0"},
				Credentials:     []driver.Credential{{ID: "c", Login: "app", Password: "0123456789012345678901234567890"}},
			},
		}
	}
	listing := store.Listing(true)
	for start := 0; start < instances; start += 1000 {
		if _, err := records.Apply(events[start:min(start+1000, instances)], &listing); err != nil {
			t.Fatal(err)
		}
	}
	outcomes := make([]<-chan error, 0, instances)
	for _, event := range events {
		outcomes = append(outcomes, records.Report(event.Instance.ID, running(event.Instance.Instance), time.Time{}))
	}
	for _, outcome := range outcomes {
		if err := records.Wait(outcome); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}
