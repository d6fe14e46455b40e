package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"souk/internal/agent/durable"
	"souk/internal/driver"
	"souk/internal/driver/changes"
	"souk/internal/pki"
	"souk/internal/supervisor"
)

// Config of a Driver.
type Config struct {
	// Dir is the driver's own folder, for its records and the zone's
	// certificate authority. Instances live in the supervisor's.
	Dir string
	// Address is the IP that engines listen on.
	Address string
	// Names are what server certificates carry; clients are told the first.
	Names []string
	// PortFrom and PortTo bound the zone's range of ports, both included.
	PortFrom, PortTo int
	Supervisor       Supervisor
	Engines          []Engine
	// Backups is where backups are kept; nil: nowhere.
	Backups *driver.BackupPlace
	// PrivateBuckets lets customers keep backups at private addresses too.
	PrivateBuckets bool
	Logger         *slog.Logger
	// MeasureEvery is how often storage is measured; 0 means every minute.
	MeasureEvery time.Duration
	// Now tells real time; nil means time.Now.
	Now func() time.Time
}

// Driver implements driver.Driver.
type Driver struct {
	cfg     Config
	engines map[string]Engine
	ca      *pki.CA
	ports   *ports
	events  *changes.Feed
	info    driver.Info

	mu    sync.Mutex
	units map[string]*unit

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

var (
	_ driver.Driver       = (*Driver)(nil)
	_ driver.BucketKeeper = (*Driver)(nil)
	_ driver.Prover       = (*Driver)(nil)
)

// New opens the driver's folder. Engines that run are left as they are, and
// found again when they are asked for.
func New(cfg Config) (*Driver, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if err := durable.Folder(cfg.Dir); err != nil {
		return nil, err
	}
	ca, err := openCA(cfg.Dir, cfg.Now())
	if err != nil {
		return nil, err
	}
	d := &Driver{
		cfg: cfg, ca: ca, engines: map[string]Engine{}, units: map[string]*unit{}, events: changes.NewFeed(),
		ports: &ports{address: cfg.Address, from: cfg.PortFrom, to: cfg.PortTo, owner: map[int]string{}},
	}
	for _, engine := range cfg.Engines {
		d.engines[engine.Service()] = engine
	}
	if err := d.loadRecords(); err != nil {
		return nil, err
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.wait.Go(func() { d.events.Pump(d.ctx.Done()) })
	d.wait.Go(d.lookAfter)
	return d, nil
}

func (c *Config) complete() error {
	if c.Dir == "" || c.Address == "" || len(c.Names) == 0 || c.Supervisor == nil {
		return errors.New("the process driver needs a folder, an address, names for its certificates and a supervisor")
	}
	if c.PortFrom < 1 || c.PortTo > 65535 || c.PortFrom > c.PortTo {
		return fmt.Errorf("ports %d to %d are no range", c.PortFrom, c.PortTo)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MeasureEvery == 0 {
		c.MeasureEvery = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Close ends the driver and leaves all engines running.
func (d *Driver) Close() error {
	d.cancel()
	d.wait.Wait()
	return nil
}

// CA is the certificate that clients verify instances by, in PEM.
func (d *Driver) CA() []byte { return d.ca.CertPEM() }

// Info implements driver.Driver.
func (d *Driver) Info(ctx context.Context) (driver.Info, error) {
	info, err := d.cfg.Supervisor.Info(ctx)
	if err != nil {
		return driver.Info{}, err
	}
	out := driver.Info{Driver: "process", Isolation: info.Isolation, Limits: info.Limits, FailureDomains: []string{"this-machine"}}
	for _, engine := range d.cfg.Engines {
		keeper, why := d.keeps(engine)
		_, proves := keeper.(ProvingEngine)
		_, rewinds := keeper.(RewindingEngine)
		snapshots := why == "" && keeper.Snapshots()
		for _, version := range engine.Versions() {
			version.Snapshots, version.OwnBuckets = snapshots, why == ""
			version.Backups, version.NoBackups, version.Drills, version.InPlace = why == "", why, why == "" && proves, why == "" && rewinds
			out.Engines = append(out.Engines, version)
		}
	}
	return out, nil
}

// Events implements driver.Driver.
func (d *Driver) Events() <-chan string { return d.events.Out }

// List implements driver.Driver.
func (d *Driver) List(ctx context.Context) ([]string, error) {
	ids, err := d.cfg.Supervisor.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range d.all() {
		if u.isKnown() {
			ids = append(ids, u.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// unit returns what the driver has of an instance, from its first mention on.
func (d *Driver) unit(id string) (*unit, error) {
	if err := supervisor.ValidID(id); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	u, ok := d.units[id]
	if !ok {
		u = &unit{id: id}
		d.units[id] = u
	}
	return u, nil
}

// known is the unit of an instance that there is, or ErrNotFound.
func (d *Driver) known(id string) (*unit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if u := d.units[id]; u != nil {
		return u, nil
	}
	return nil, driver.ErrNotFound
}

func (d *Driver) forget(u *unit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.units, u.id)
}

func (d *Driver) all() []*unit {
	d.mu.Lock()
	defer d.mu.Unlock()
	units := make([]*unit, 0, len(d.units))
	for _, u := range d.units {
		units = append(units, u)
	}
	return units
}

// engine finds the engine of a service and says plainly when it cannot be used.
func (d *Driver) engine(service string) (Engine, error) {
	engine, ok := d.engines[service]
	if !ok {
		return nil, &driver.BlockedError{
			Message:   fmt.Sprintf("This zone cannot run %s. Its operator has to upgrade the zone's agent, or take the offer back.", service),
			BlockedBy: "operator", Permanent: true,
		}
	}
	return engine, nil
}
