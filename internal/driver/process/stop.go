package process

import (
	"context"
	"errors"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/internal/agent/durable"
	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/step"
	"souk/internal/supervisor"
)

var (
	stepStopped   = step.New("process/stopped")
	stepShimEnded = step.New("process/shim-ended")
	stepDestroyed = step.New("process/destroyed")
	stepForgotten = step.New("process/forgotten")
)

// Stop implements driver.Driver.
func (d *Driver) Stop(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	u, err := d.unit(want.ID)
	if err != nil {
		return driver.Observation{}, err
	}
	defer u.call()()
	if err := d.halt(ctx, u, d.engines[want.Service]); err != nil {
		return driver.Observation{}, u.inPlainWords(err)
	}
	err = d.save(u, func(r *record) {
		inForce(want, r.Full)(r)
		r.Service, r.Stopped = want.Service, true
	})
	if err != nil {
		return driver.Observation{}, u.inPlainWords(err)
	}
	return d.look(ctx, u, nil), nil
}

// halt ends the engine in good order, and then its shim.
func (d *Driver) halt(ctx context.Context, u *unit, engine Engine) error {
	place, err := d.cfg.Supervisor.Find(ctx, u.id)
	if errors.Is(err, supervisor.ErrNotFound) {
		u.unwatch()
		return nil
	}
	if err != nil {
		return err
	}
	u.mu.Lock()
	u.place, u.applied = place, digest{}
	plan := u.record.Plan
	u.mu.Unlock()
	client := shim.NewClient(place.Folder)
	if _, err := client.Status(ctx); shim.Unreachable(err) {
		runs, err := shim.EngineRuns(place.Folder)
		if err != nil || !runs {
			u.unwatch()
			return err
		}
		if _, err := d.cfg.Supervisor.Spawn(ctx, u.id, limitsOf(plan)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	signal := syscall.SIGTERM
	if engine != nil {
		signal = engine.StopSignal()
	}
	if err := client.Stop(ctx, signal, stopTimeout); err != nil {
		return err
	}
	stepStopped.Done()
	u.unwatch()
	if err := client.Shutdown(ctx); err != nil {
		return err
	}
	stepShimEnded.Done()
	return nil
}

// Remove implements driver.Driver.
func (d *Driver) Remove(ctx context.Context, id string) error {
	u, err := d.unit(id)
	if err != nil {
		return err
	}
	defer u.call()()
	d.endQuietly(ctx, u)
	u.unwatch()
	if err := d.cfg.Supervisor.Destroy(ctx, id); err != nil {
		return err
	}
	stepDestroyed.Done()
	if err := durable.Remove(d.recordPath(id)); err != nil {
		return err
	}
	stepForgotten.Done()
	u.mu.Lock()
	d.ports.giveBack(u.record.Port, id)
	u.mu.Unlock()
	d.forget(u)
	return nil
}

// endQuietly gives an engine whose data is about to be destroyed a moment to
// let go of what the machine holds for it. Whatever does not end is killed.
func (d *Driver) endQuietly(ctx context.Context, u *unit) {
	place, err := d.cfg.Supervisor.Find(ctx, u.id)
	if err != nil {
		return
	}
	if err := shim.NewClient(place.Folder).Stop(ctx, syscall.SIGQUIT, 3*time.Second); err != nil {
		d.cfg.Logger.Debug("the engine of an instance to be removed was not asked to stop", "instance", u.id, "error", err)
	}
}

// StopAll ends all engines and shims in good order and closes the driver; the
// next Ensure of each starts it again.
func (d *Driver) StopAll(ctx context.Context) error {
	if err := d.Close(); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(8)
	for _, u := range d.all() {
		group.Go(func() error {
			u.mu.Lock()
			engine := d.engines[u.record.Service]
			u.mu.Unlock()
			return d.halt(ctx, u, engine)
		})
	}
	return group.Wait()
}
