package process

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/step"
)

var (
	stepPrepared = step.New("process/prepared")
	stepShim     = step.New("process/shim")
	stepPort     = step.New("process/port")
	stepRestart  = step.New("process/restart")
	stepEngine   = step.New("process/engine")
	stepLimits   = step.New("process/limits")
	stepApplied  = step.New("process/applied")
)

// Ensure implements driver.Driver.
func (d *Driver) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	u, err := d.unit(want.ID)
	if err != nil {
		return driver.Observation{}, err
	}
	engine, err := d.engine(want.Service)
	if err != nil {
		return driver.Observation{}, err
	}
	if d.ctx.Err() != nil {
		return driver.Observation{}, errors.New("the driver is closed")
	}
	defer u.call()()
	readOnly := u.full(want)
	wanted, err := digestOf(want, readOnly)
	if err != nil {
		return driver.Observation{}, err
	}
	if !d.settled(u, wanted) {
		if err := d.carryOut(ctx, u, engine, want, readOnly); err != nil {
			return driver.Observation{}, u.inPlainWords(err)
		}
		u.setApplied(wanted)
	}
	if err := d.save(u, inForce(want, readOnly)); err != nil {
		return driver.Observation{}, u.inPlainWords(err)
	}
	stepApplied.Done()
	return d.look(ctx, u, engine), nil
}

// inForce records a spec as carried out.
func inForce(want driver.Instance, full bool) func(*record) {
	return func(r *record) {
		r.Generation, r.Plan, r.StorageGiB = want.Generation, want.Plan, want.StorageGiB
		r.Stopped, r.Full = false, full
	}
}

// full says whether the instance's storage is full by what is wanted now.
func (u *unit) full(want driver.Instance) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := u.record
	r.StorageGiB = want.StorageGiB
	return u.storage.full(r)
}

func (u *unit) setApplied(wanted digest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.applied = wanted
}

// settled says that there is nothing to do: all is as was carried out last. An
// engine that the shim is about to start again counts as settled too.
func (d *Driver) settled(u *unit, wanted digest) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.applied == wanted && u.connected && !u.record.Stopped &&
		u.status.State != shim.Stopped && d.cfg.Now().Before(u.renewAt)
}

// carryOut takes every step from what is to what is wanted.
func (d *Driver) carryOut(ctx context.Context, u *unit, engine Engine, want driver.Instance, readOnly bool) error {
	u.setApplied(digest{})
	if err := usable(engine); err != nil {
		return err
	}
	if err := d.prepare(ctx, u, want); err != nil {
		return err
	}
	stepPrepared.Done()
	final := limitsOf(want.Plan)
	noLimits, err := d.connect(ctx, u, u.limitsMeanwhile(final))
	if err != nil {
		return err
	}
	stepShim.Done()
	host := d.host(u)
	if err := d.rewind(ctx, u, engine, &Job{Host: host, Want: want}); err != nil {
		return err
	}
	if err := d.findData(ctx, u, engine, host, want); err != nil {
		return err
	}
	if err := d.findPort(ctx, u, host); err != nil {
		return err
	}
	stepPort.Done()
	if err := d.prepareRestore(ctx, u, want); err != nil {
		return err
	}
	if want.LogDays > 0 {
		days := shim.File{Path: shim.LogDaysFile, Mode: 0o600, Data: []byte(strconv.Itoa(want.LogDays))}
		if err := host.WriteIfChanged(ctx, days); err != nil {
			return err
		}
	}
	if err := d.restart(ctx, u, engine, host, want.Restart); err != nil {
		return err
	}
	stepRestart.Done()
	if err := d.runEngine(ctx, engine, &Job{Host: host, Want: want, ReadOnly: readOnly}); err != nil {
		return d.rewindFailed(ctx, u, err)
	}
	stepEngine.Done()
	if err := d.rewound(ctx, u, host); err != nil {
		return err
	}
	if i, was := u.interrupted(want.Generation, d.cfg.Now()); was {
		if err := d.save(u, func(r *record) { r.Interruption = i }); err != nil {
			return err
		}
	}
	if u.limitsMeanwhile(final) != final {
		if noLimits, err = d.cfg.Supervisor.SetLimits(ctx, u.id, final); err != nil {
			return err
		}
	}
	stepLimits.Done()
	return d.settle(ctx, u, engine, host, noLimits)
}

// usable says plainly when an engine is not installed.
func usable(engine Engine) error {
	versions := engine.Versions()
	if len(versions) > 0 && versions[0].Problem == "" {
		return nil
	}
	problem := "it is not installed"
	if len(versions) > 0 {
		problem = versions[0].Problem
	}
	return &driver.BlockedError{
		Message:   fmt.Sprintf("The zone cannot run %s at the moment: %s. Its operator has to act.", engine.Service(), problem),
		BlockedBy: "operator",
	}
}

// runEngine takes the engine's own steps until it serves.
func (d *Driver) runEngine(ctx context.Context, engine Engine, job *Job) error {
	steps, done := engine.Steps(job)
	defer done()
	for _, s := range steps {
		if err := s.Run(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		s.Name.Done()
	}
	return nil
}

// settle records what the instance has become.
func (d *Driver) settle(ctx context.Context, u *unit, engine Engine, host *Host, noLimits string) error {
	status, err := host.Status(ctx)
	if err != nil {
		return err
	}
	u.heard(status)
	if err := d.measure(ctx, u); err != nil {
		return err
	}
	u.mu.Lock()
	fresh := u.answered != status.PID
	u.answered, u.certified = status.PID, u.issued
	u.mu.Unlock()
	if fresh {
		d.askVersion(ctx, u, engine)
	}
	return d.save(u, func(r *record) { r.PortUsed, r.NoLimits = true, noLimits })
}

// inPlainWords turns causes that a user should read of into BlockedErrors. That
// a disk is full shows in many errors, so the disk itself is asked as well.
func (u *unit) inPlainWords(err error) error {
	u.mu.Lock()
	folder := u.place.Folder
	u.mu.Unlock()
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || folder != "" && diskFull(folder)
	var blocked *driver.BlockedError
	if !full || errors.As(err, &blocked) || errors.Is(err, driver.ErrDataLost) {
		return err
	}
	return &driver.BlockedError{
		Message:   "The disk of the zone's machine is full. Its operator has to free or add space; the instance then goes on by itself.",
		BlockedBy: "operator", Err: err,
	}
}
