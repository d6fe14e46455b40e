// Package fake is a driver that runs nothing: it keeps what is wanted in memory
// and says that it is so. Tests use it, and zones that are marked simulated.
package fake

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"souk/internal/driver"
)

// What the endpoint of a simulated instance looks like: nobody can take it for
// a server.
const (
	Host     = "simulated.invalid"
	Database = "simulated"
	CA       = "There is no server here, and no certificate authority: the zone is simulated.\n"
)

// Op names a call, for hooks.
type Op string

// The calls of a driver.
const (
	OpEnsure  Op = "ensure"
	OpStop    Op = "stop"
	OpRemove  Op = "remove"
	OpObserve Op = "observe"
	OpLogs    Op = "logs"

	OpCounters Op = "counters"
)

// Config of a Driver.
type Config struct {
	// Engines are what the zone says it can run. Whatever is ordered is "run".
	Engines []driver.EngineVersion
	// FailureDomains are what the zone says that it has; nil: it does not say.
	FailureDomains []string
	// Before is called at the beginning of each call; what it returns is the
	// call's outcome. It may block, and should return when ctx ends. May be nil.
	Before func(ctx context.Context, op Op, id string) error
	// Now tells real time; nil means time.Now.
	Now func() time.Time
}

// Driver implements driver.Driver.
type Driver struct {
	cfg    Config
	events chan string

	mu        sync.Mutex
	instances map[string]*instance
	lastPort  int
}

var _ driver.Driver = (*Driver)(nil)

// instance is what the zone would hold. Slices and maps in want are shared with
// whoever asked, and never written to.
type instance struct {
	want    driver.Instance
	state   driver.State
	port    int
	lost    bool
	used    int64
	message string
	marks   []string
	version string // of the engine, since it was started last
	run     int    // how often it was started
	since   time.Time
	counted map[string]int64 // by meter, in this run
}

// New returns an empty zone.
func New(cfg Config) *Driver {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Driver{cfg: cfg, events: make(chan string, 1024), instances: map[string]*instance{}}
}

func (d *Driver) before(ctx context.Context, op Op, id string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if d.cfg.Before == nil {
		return nil
	}
	return d.cfg.Before(ctx, op, id)
}

// Info implements driver.Driver.
func (d *Driver) Info(context.Context) (driver.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return driver.Info{
		Driver: "fake", Isolation: "shared", Limits: "none: nothing runs in a simulated zone",
		Simulated: true, Engines: slices.Clone(d.cfg.Engines),
		FailureDomains: slices.Clone(d.cfg.FailureDomains), SimulatedDomains: len(d.cfg.FailureDomains) > 0,
	}, nil
}

// Ensure implements driver.Driver.
func (d *Driver) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	if err := d.before(ctx, OpEnsure, want.ID); err != nil {
		return driver.Observation{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.instances[want.ID]
	if want.HeldData && (found == nil || found.lost) || found != nil && found.lost {
		return driver.Observation{}, fmt.Errorf("%w: it was simulated", driver.ErrDataLost)
	}
	if found == nil {
		found = &instance{}
		d.instances[want.ID] = found
	}
	if found.port == 0 {
		d.lastPort++
		found.port = 10_000 + d.lastPort%50_000
	}
	if found.state != driver.StateRunning || found.want.Restart != want.Restart {
		found.version = d.engineOf(want.Service)
		found.run++
		found.since, found.counted = d.cfg.Now(), map[string]int64{}
	}
	found.want, found.state, found.message = want, driver.StateRunning, ""
	return d.observe(found), nil
}

// engineOf is the version that the zone has of a service's engine.
func (d *Driver) engineOf(service string) string {
	for _, e := range d.cfg.Engines {
		if e.Service == service {
			return e.Version
		}
	}
	return ""
}

// Upgrade puts another version of a service's engine in place of what the zone has;
// what runs goes on as it is until it is started again.
func (d *Driver) Upgrade(service, version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg.Engines = slices.Clone(d.cfg.Engines)
	for i := range d.cfg.Engines {
		if d.cfg.Engines[i].Service == service {
			d.cfg.Engines[i].Version = version
		}
	}
}

// Stop implements driver.Driver.
func (d *Driver) Stop(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	if err := d.before(ctx, OpStop, want.ID); err != nil {
		return driver.Observation{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.instances[want.ID]
	if found == nil {
		found = &instance{}
		d.instances[want.ID] = found
	}
	found.want, found.state, found.message = want, driver.StateStopped, ""
	return d.observe(found), nil
}

// Remove implements driver.Driver.
func (d *Driver) Remove(ctx context.Context, id string) error {
	if err := d.before(ctx, OpRemove, id); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.instances, id)
	return nil
}

// Observe implements driver.Driver.
func (d *Driver) Observe(ctx context.Context, id string) (driver.Observation, error) {
	if err := d.before(ctx, OpObserve, id); err != nil {
		return driver.Observation{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.instances[id]
	if found == nil {
		return driver.Observation{}, driver.ErrNotFound
	}
	return d.observe(found), nil
}

// List implements driver.Driver.
func (d *Driver) List(ctx context.Context) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]string, 0, len(d.instances))
	for id := range d.instances {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// Logs implements driver.Driver: one line, that says what the instance is.
func (d *Driver) Logs(ctx context.Context, id string, opt driver.LogOptions) (io.ReadCloser, error) {
	if err := d.before(ctx, OpLogs, id); err != nil {
		return nil, err
	}
	d.mu.Lock()
	found := d.instances[id]
	d.mu.Unlock()
	if found == nil {
		return nil, driver.ErrNotFound
	}
	text := fmt.Sprintf("instance %s is simulated: it has no log\n", id)
	if !opt.Follow {
		return io.NopCloser(strings.NewReader(text)), nil
	}
	reader, writer := io.Pipe()
	go func() {
		_, err := io.WriteString(writer, text)
		if err == nil {
			<-ctx.Done()
		}
		writer.Close()
	}()
	return reader, nil
}

// Events implements driver.Driver.
func (d *Driver) Events() <-chan string { return d.events }

// observe tells of an instance. Called with mu held.
func (d *Driver) observe(i *instance) driver.Observation {
	seen := driver.Observation{
		State: i.state, Generation: i.want.Generation, Plan: i.want.Plan, StorageGiB: i.want.StorageGiB,
		StorageUsedBytes: i.used, Message: i.message, Version: i.version,
	}
	if i.used > 0 {
		seen.MeasuredAt = d.cfg.Now().UTC().Truncate(time.Microsecond)
	}
	if i.port != 0 {
		seen.Endpoint = &driver.Endpoint{Host: Host, Port: i.port, Database: Database, CAPEM: CA}
	}
	if i.want.ServiceLevel == driver.Guaranteed {
		seen.Members = members(d.cfg.FailureDomains, i.state == driver.StateRunning)
	}
	if limit := i.want.StorageGiB << 30; limit > 0 && i.used >= limit && i.state == driver.StateRunning {
		seen.State, seen.BlockedBy = driver.StateDegraded, "you"
		seen.Message = fmt.Sprintf("The storage of %d GiB is full: give the instance more storage, or delete data.", i.want.StorageGiB)
		seen.Conditions = []driver.Condition{{Type: "StorageFull", Status: true, Reason: "PlanExhausted", Message: seen.Message}}
	}
	return seen
}

// members are one server in each failure domain; the first is the primary.
func members(domains []string, ready bool) []driver.Member {
	var all []driver.Member
	for n, domain := range domains {
		m := driver.Member{Name: fmt.Sprintf("member-%d", n+1), Role: driver.RoleReplica, Ready: ready, FailureDomain: domain}
		if n == 0 {
			m.Role = driver.RolePrimary
		}
		all = append(all, m)
	}
	return all
}
