package process

import (
	"context"
	"errors"
	"fmt"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// maxProcesses bounds what an instance may run at once.
const maxProcesses = 1024

// prepare makes the instance's place, unless it held data, which then is lost
// with it.
func (d *Driver) prepare(ctx context.Context, u *unit, want driver.Instance) error {
	place, err := d.cfg.Supervisor.Find(ctx, u.id)
	if errors.Is(err, supervisor.ErrNotFound) && (want.HeldData || u.initialised()) {
		return fmt.Errorf("%w: its folder does not exist", driver.ErrDataLost)
	}
	if err != nil && !errors.Is(err, supervisor.ErrNotFound) {
		return err
	}
	if place, err = d.cfg.Supervisor.Prepare(ctx, u.id); err != nil {
		return err
	}
	u.mu.Lock()
	u.place = place
	u.mu.Unlock()
	return d.save(u, func(r *record) { r.Service = want.Service })
}

func (u *unit) initialised() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.record.Initialised
}

// limitsOf a plan.
func limitsOf(plan driver.Plan) supervisor.Limits {
	return supervisor.Limits{MemoryBytes: plan.MemoryMiB << 20, CPUMillis: plan.CPUMillis, Processes: maxProcesses}
}

// limitsMeanwhile are in force while a plan is being applied: of memory the
// larger of the old plan's and the new one's, for the engine first has to give
// up what it must not have; and all of the CPU while the instance is made,
// which is the zone's work and not its user's.
func (u *unit) limitsMeanwhile(final supervisor.Limits) supervisor.Limits {
	u.mu.Lock()
	defer u.mu.Unlock()
	meanwhile := final
	meanwhile.MemoryBytes = max(final.MemoryBytes, u.record.Plan.MemoryMiB<<20)
	if u.record.Generation == 0 {
		meanwhile.CPUMillis = 0
	}
	return meanwhile
}

// connect finds the instance's shim or starts one, and sets limits; the text
// says why they are not in force.
func (d *Driver) connect(ctx context.Context, u *unit, limits supervisor.Limits) (noLimits string, err error) {
	status, err := u.client().Status(ctx)
	if shim.Unreachable(err) {
		if noLimits, err = d.cfg.Supervisor.Spawn(ctx, u.id, limits); err != nil {
			return "", err
		}
		status, err = u.client().Status(ctx)
	} else if err == nil {
		noLimits, err = d.cfg.Supervisor.SetLimits(ctx, u.id, limits)
	}
	if err != nil {
		return "", err
	}
	u.heard(status)
	d.watch(u)
	return noLimits, nil
}

func (d *Driver) host(u *unit) *Host {
	u.mu.Lock()
	defer u.mu.Unlock()
	return &Host{
		Client: shim.NewClient(u.place.Folder), Place: u.place, Address: d.cfg.Address, Port: u.record.Port, Backups: d.cfg.Backups,
		names: d.cfg.Names, ca: d.ca, now: d.cfg.Now, unit: u,
		saved: func(change func(*record)) error { return d.save(u, change) },
	}
}

// findData returns ErrDataLost when there was data and is none.
func (d *Driver) findData(ctx context.Context, u *unit, engine Engine, host *Host, want driver.Instance) error {
	has, err := engine.HasData(ctx, host)
	if err != nil {
		return err
	}
	if !has && (want.HeldData || u.initialised()) {
		return fmt.Errorf("%w: its folder is there, the engine's data is not", driver.ErrDataLost)
	}
	if has {
		return host.Initialised()
	}
	return nil
}

// findPort gives the instance a port. One that clients may know stays, even
// when somebody else has taken it meanwhile.
func (d *Driver) findPort(ctx context.Context, u *unit, host *Host) error {
	status, err := host.Status(ctx)
	if err != nil || status.State == shim.Running {
		return err
	}
	u.mu.Lock()
	r := u.record
	u.mu.Unlock()
	if r.Port != 0 {
		taken := bindable(d.cfg.Address, r.Port)
		if taken == nil {
			return nil
		}
		if r.PortUsed {
			return &driver.BlockedError{
				Message:   fmt.Sprintf("Another program on the zone's machine has taken network port %d of this instance. Its operator has to stop that program; the instance then starts by itself.", r.Port),
				BlockedBy: "operator", Err: taken,
			}
		}
		d.ports.giveBack(r.Port, u.id)
	}
	port, err := d.ports.choose(u.id)
	if err != nil {
		return err
	}
	host.Port = port
	return d.save(u, func(r *record) { r.Port = port })
}
