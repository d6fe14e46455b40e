package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"souk/api/client"
	"souk/internal/agent"
	"souk/internal/agent/identity"
	"souk/internal/agent/store"
	"souk/internal/driver"
	"souk/internal/driver/fake"
)

// zone is the real agent of the zone `simulated`, on the driver that runs
// nothing; it tells when work on an instance that it has not seen before begins.
type zone struct {
	config  agent.Config
	driver  *fake.Driver
	log     *slog.Logger
	idle    map[string]bool // not changed while the agent runs
	looked  atomic.Int64    // calls about those
	begun   chan begun
	stopped func() error
}

// begun is the moment at which the driver was first asked for an instance.
type begun struct {
	id string
	at time.Time
}

// enrolZone gets the agent its identity and returns it, stopped.
func enrolZone(ctx context.Context, r *replica, dir string) (*zone, *identity.Identity, error) {
	c, err := client.New(r.url, client.WithToken(r.Demo.Tokens["operator"]))
	if err != nil {
		return nil, nil, err
	}
	invitation, err := c.Operator().EnrolZone(ctx, "simulated")
	if err != nil {
		return nil, nil, err
	}
	z := &zone{idle: map[string]bool{}, begun: make(chan begun, 1024), config: agent.Config{
		Server: invitation.Server, DataDir: filepath.Join(dir, "data"), ServerCAFile: filepath.Join(dir, "ca.pem"), EnrolTokenFile: filepath.Join(dir, "token"),
	}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	log, err := os.Create(filepath.Join(dir, "agent.log"))
	if err != nil {
		return nil, nil, err
	}
	z.log = slog.New(slog.NewTextHandler(log, nil))
	for path, text := range map[string]string{z.config.ServerCAFile: invitation.CA, z.config.EnrolTokenFile: invitation.Token} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, nil, err
		}
	}
	z.driver = fake.New(fake.Config{Engines: []driver.EngineVersion{{Service: "postgresql", Version: "15.0"}}, Before: z.before})
	z.start(ctx)
	folder, err := identity.In(z.config.DataDir)
	if err != nil {
		return nil, nil, errors.Join(err, z.stopped())
	}
	id, err := z.enrolled(ctx, folder)
	return z, id, errors.Join(err, z.stopped())
}

// enrolled waits for the agent's identity.
func (z *zone) enrolled(ctx context.Context, folder *identity.Folder) (id *identity.Identity, err error) {
	err = await(ctx, func() string { return "the agent does not enrol" }, func(context.Context) (bool, error) {
		id, err = folder.Load()
		return id != nil, err
	})
	return id, err
}

func (z *zone) before(_ context.Context, op fake.Op, id string) error {
	if op != fake.OpEnsure {
		return nil
	}
	if z.idle[id] {
		z.looked.Add(1)
		return nil
	}
	select {
	case z.begun <- begun{id, time.Now()}:
	default: // nobody measures
	}
	return nil
}

func (z *zone) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx, z.config, z.driver, agent.Deps{Logger: z.log, Version: "bench"}) }()
	z.stopped = func() error { cancel(); return <-ended }
}

// adopt has the zone run the idle instances, and the agent remember that it has
// reported each of them, in this order. The agent does not run.
func (z *zone) adopt(ctx context.Context, id *identity.Identity, ids []uuid.UUID) error {
	records, err := store.Open(store.Options{Dir: z.config.DataDir, BootID: "bench", Now: time.Now, Logger: z.log})
	if err != nil {
		return err
	}
	err = z.report(ctx, records, id, ids)
	z.looked.Store(0) // from here on it counts the agent's calls
	return errors.Join(err, records.Close())
}

func (z *zone) report(ctx context.Context, records *store.Store, id *identity.Identity, ids []uuid.UUID) error {
	if err := records.Begin(id.ZoneID, id.Epoch); err != nil {
		return err
	}
	outcomes := make([]<-chan error, 0, len(ids))
	for _, i := range ids {
		z.idle[i.String()] = true
		seen, err := z.driver.Ensure(ctx, driver.Instance{ID: i.String(), Generation: 1, StorageGiB: 10, Plan: driver.Plan{Name: "small", Revision: 1, CPUMillis: 250, MemoryMiB: 512}})
		if err != nil {
			return err
		}
		outcomes = append(outcomes, records.Report(i.String(), seen, time.Time{}))
	}
	for _, outcome := range outcomes {
		if err := records.Wait(outcome); err != nil {
			return err
		}
	}
	return records.Acknowledge(uint64(len(ids)))
}

// settled returns once the agent has been told of all idle instances and has
// looked at each.
func (z *zone) settled(ctx context.Context) error {
	return await(ctx, func() string {
		return fmt.Sprintf("the agent has looked at %d of %d instances only", z.looked.Load(), len(z.idle))
	}, func(context.Context) (bool, error) { return z.looked.Load() >= int64(len(z.idle)), nil })
}
