// Package agent is the process in a zone that dials out to the control plane,
// follows what is wanted of the zone's instances, has a driver carry it out and
// reports what is true.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"souk/internal/agent/backups"
	"souk/internal/agent/durable"
	"souk/internal/agent/identity"
	"souk/internal/agent/link"
	"souk/internal/agent/reconcile"
	"souk/internal/agent/store"
	"souk/internal/driver"
)

// Deps are what an agent takes from the program that it runs in.
type Deps struct {
	Logger  *slog.Logger     // slog.Default when nil
	Clock   func() time.Time // the machine's clock; time.Now when nil
	Version string           // of the program
	Stdin   io.Reader        // for an enrolment token; may be nil
}

// agent is what stays the same for as long as the process runs.
type agent struct {
	config Config
	deps   Deps
	log    *slog.Logger
	driver driver.Driver
	folder *identity.Folder
	token  *tokenReader
	bootID string
}

// errEnrolAgain ends a session because a new token is there to enrol with.
var errEnrolAgain = errors.New("a new enrolment token is there")

// Run is an agent, until ctx ends; it then returns nil and leaves all instances
// as they are. Any other end is an error that says what to do: ErrSuperseded,
// ErrStale, a durable.LockedError, a token or a configuration that does not do.
// An agent that cannot reach the control plane goes on with what it last knew.
func Run(ctx context.Context, config Config, drv driver.Driver, deps Deps) error {
	if err := config.check(); err != nil {
		return err
	}
	if err := durable.Folder(config.DataDir); err != nil {
		return err
	}
	lock, err := durable.LockFolder(config.DataDir)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	a, err := newAgent(config, drv, deps)
	if err != nil {
		return err
	}
	for {
		err := a.session(ctx)
		if errors.Is(err, errEnrolAgain) {
			continue
		}
		if ctx.Err() != nil {
			a.log.Info("the agent has stopped; instances are left as they are")
			return nil
		}
		return err
	}
}

func newAgent(config Config, drv driver.Driver, deps Deps) (*agent, error) {
	if deps.Logger == nil {
		deps.Logger = slog.Default()
	}
	if deps.Clock == nil {
		deps.Clock = time.Now
	}
	folder, err := identity.In(config.DataDir)
	if err != nil {
		return nil, err
	}
	return &agent{
		config: config.withDefaults(),
		deps:   deps,
		log:    deps.Logger,
		driver: drv,
		folder: folder,
		token:  &tokenReader{file: config.tokenFile(), stdin: deps.Stdin},
		bootID: uuid.NewString(),
	}, nil
}

// session is the agent's work under one enrolment.
func (a *agent) session(ctx context.Context) (err error) {
	id, err := a.identify(ctx)
	if err != nil {
		return err
	}
	certificate, roots, err := id.TLS()
	if err != nil {
		return err
	}
	records, err := store.Open(store.Options{
		Dir: a.config.DataDir, BootID: a.bootID, Now: a.deps.Clock, Logger: a.log,
		KeyMaxAge: time.Duration(a.config.Timeouts.CacheKeyAge),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	if err := records.Begin(id.ZoneID, id.Epoch); err != nil {
		return err
	}
	client, err := link.New(a.linkOptions(), roots)
	if err != nil {
		return err
	}
	defer client.Close()
	client.Use(certificate, roots)
	a.log.Info("the agent works for a zone", "zone", id.Zone, "epoch", id.Epoch, "boot", a.bootID)
	return newSession(a, id, records, client).run(ctx)
}

func (a *agent) linkOptions() link.Options {
	t := a.config.Timeouts
	return link.Options{
		Server: a.config.Server, Now: a.deps.Clock, Logger: a.log,
		Request: time.Duration(t.Request), Silence: time.Duration(t.Silence), Ping: time.Duration(t.Ping),
		Drain: time.Duration(t.Drain), MaxAsks: a.config.MaxRequests,
	}
}

func (a *agent) reconcileOptions(records *store.Store, listAgain func()) reconcile.Options {
	t := a.config.Timeouts
	return reconcile.Options{
		Driver: a.driver, Store: records, Logger: a.log, Concurrency: a.config.Concurrency,
		RetryMin: time.Duration(t.RetryMin), RetryMax: time.Duration(t.RetryMax),
		Progress: time.Duration(t.Progress), Resync: time.Duration(t.Resync), Call: time.Duration(t.DriverCall),
		ListAgain: listAgain,
	}
}

func (a *agent) backupOptions(keeper driver.BackupKeeper, records *store.Store) backups.Options {
	t := a.config.Timeouts
	return backups.Options{
		Driver: keeper, Runner: a.driver, Store: records, Logger: a.log, Now: a.deps.Clock,
		RetryMin: time.Duration(t.RetryMin), RetryMax: time.Duration(t.RetryMax),
		Progress: time.Duration(t.Progress), Look: time.Duration(t.Resync), First: time.Duration(t.FirstBackup),
		Lead: time.Duration(t.DrillLead), Canary: 5 * time.Second,
	}
}

func (a *agent) backoff() *link.Backoff {
	return &link.Backoff{Min: time.Duration(a.config.Timeouts.ReconnectMin), Max: time.Duration(a.config.Timeouts.ReconnectMax)}
}

// fatal makes the error with which the agent ends for good, having noted it for
// the next start.
func (a *agent) fatal(id *identity.Identity, why identity.Retired) error {
	end := a.retirement(why)
	if err := a.folder.Retire(id, why); err != nil {
		return fmt.Errorf("%w (and this could not be noted for the next start: %w)", end, err)
	}
	return end
}
