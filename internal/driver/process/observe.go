package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

const (
	// measuredLately is how old a measurement may be that Observe returns.
	measuredLately = 5 * time.Second
	// answerWithin is how long an engine that just started is waited for.
	answerWithin = 2 * time.Second
)

// Observe implements driver.Driver.
func (d *Driver) Observe(ctx context.Context, id string) (driver.Observation, error) {
	u, err := d.unit(id)
	if err != nil {
		return driver.Observation{}, err
	}
	place, err := d.cfg.Supervisor.Find(ctx, id)
	if errors.Is(err, supervisor.ErrNotFound) {
		return d.withoutPlace(u)
	}
	if err != nil {
		return driver.Observation{}, err
	}
	u.mu.Lock()
	u.place = place
	connected, stopped, age := u.connected, u.record.Stopped, d.cfg.Now().Sub(u.storage.at)
	service := u.record.Service
	u.mu.Unlock()
	if !connected && !stopped {
		if status, err := u.client().Status(ctx); err == nil {
			u.heard(status)
			d.watch(u)
		}
	}
	if !stopped && age > measuredLately {
		if err := d.measure(ctx, u); err != nil {
			d.cfg.Logger.Debug("storage could not be measured", "instance", id, "error", err)
		}
	}
	return d.look(ctx, u, d.engines[service]), nil
}

// withoutPlace observes an instance whose folder does not exist.
func (d *Driver) withoutPlace(u *unit) (driver.Observation, error) {
	if !u.isKnown() {
		d.forget(u)
		return driver.Observation{}, driver.ErrNotFound
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := d.base(u)
	switch {
	case u.record.Stopped && !u.record.Initialised:
		seen.State = driver.StateStopped
	case u.record.Initialised:
		seen.State, seen.BlockedBy = driver.StateFailed, "operator"
		seen.Message = "The data of this instance is gone from its zone. The zone's operator has to find it, or restore it from a backup."
	default:
		seen.State = driver.StateCreating
	}
	return seen, nil
}

// look says what is true of an instance, waiting a little for an engine that
// is just starting.
func (d *Driver) look(ctx context.Context, u *unit, engine Engine) driver.Observation {
	answers := d.answers(ctx, u, engine)
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := d.base(u)
	switch {
	case u.record.Stopped:
		seen.State = driver.StateStopped
		return seen
	case u.record.Generation == 0:
		seen.State = driver.StateCreating
		return seen
	case !u.connected:
		seen.State = driver.StateDegraded
		seen.Message = "The instance's processes do not run; the zone is starting them."
	case u.status.State == shim.Waiting:
		seen.State = driver.StateDegraded
		seen.Message = "The instance's engine ended unexpectedly and is being started again."
		seen.Conditions = append(seen.Conditions, restarting(u.status))
	case u.status.State == shim.Stopped:
		seen.State = driver.StateDegraded
		seen.Message = "The instance's engine does not run; the zone is starting it."
	case !answers:
		seen.State = driver.StateDegraded
		seen.Message = "The instance's engine runs but does not answer yet."
	default:
		seen.State = driver.StateRunning
	}
	if u.record.Rewind.Stage != "" {
		seen.Message = "Being restored in place. The data from before is kept until what is restored serves."
	}
	addStorage(&seen, u, engine)
	if u.record.NoLimits != "" {
		seen.Conditions = append(seen.Conditions, driver.Condition{
			Type: "LimitsNotEnforced", Status: true, Reason: "NotPossibleHere",
			Message: "The zone cannot hold this instance to its plan's CPU and memory: " + u.record.NoLimits,
		})
	}
	return seen
}

// base is what is true in any state. Called with mu held.
func (d *Driver) base(u *unit) driver.Observation {
	seen := driver.Observation{
		Generation: u.record.Generation, Plan: u.record.Plan, StorageGiB: u.record.StorageGiB,
		StorageUsedBytes: u.storage.used, MeasuredAt: u.storage.at, Version: u.version,
	}
	if i := u.record.Interruption; i.Generation > 0 {
		seen.Interruption = &i
	}
	if is := u.record.Rewind; is.Number > 0 && is.Stage == "" {
		seen.Rewound = &driver.Rewound{Number: is.Number, Problem: is.Problem}
	}
	if u.record.PortUsed {
		seen.Endpoint = &driver.Endpoint{Host: d.cfg.Names[0], Port: u.record.Port, CAPEM: string(d.ca.CertPEM())}
		if engine := d.engines[u.record.Service]; engine != nil {
			seen.Endpoint.Database = engine.Database()
		}
	}
	return seen
}

// answers finds out whether the engine serves, once for each process of it.
func (d *Driver) answers(ctx context.Context, u *unit, engine Engine) bool {
	u.mu.Lock()
	pid, answered := u.status.PID, u.answered
	running := u.connected && u.status.State == shim.Running
	u.mu.Unlock()
	if !running || engine == nil || pid == answered {
		return running
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := engine.Answers(ctx, d.host(u)); err != nil {
		return false
	}
	d.askVersion(ctx, u, engine)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answered = pid
	return true
}

// askVersion asks an engine that answers which version it is. One that does not tell
// is no worse for it.
func (d *Driver) askVersion(ctx context.Context, u *unit, engine Engine) {
	versioned, ok := engine.(VersionedEngine)
	if !ok {
		return
	}
	version, err := versioned.RunningVersion(ctx, d.host(u))
	if err != nil {
		d.cfg.Logger.Warn("an engine does not tell its version", "instance", u.id, "error", err)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.version = version
}

func restarting(status shim.Status) driver.Condition {
	return driver.Condition{
		Type: "Restarting", Status: true, Reason: "EngineEnded",
		Message: fmt.Sprintf("It ended %d times in a row (%s); the next attempt is at %s.",
			status.Failures, status.LastExit, status.NextStart.Format(time.RFC3339)),
	}
}

// addStorage tells of full storage. Called with mu held.
func addStorage(seen *driver.Observation, u *unit, engine Engine) {
	if u.storage.diskFull {
		seen.State = driver.StateDegraded
		seen.BlockedBy = "operator"
		seen.Message = "The disk of the zone's machine is full. Its operator has to free or add space."
		seen.Conditions = append(seen.Conditions, driver.Condition{Type: "StorageFull", Status: true, Reason: "DiskFull", Message: seen.Message})
	}
	if !u.record.Full {
		return
	}
	advice := ""
	if engine != nil {
		advice = " " + engine.WhenFull()
	}
	message := fmt.Sprintf("The storage of %d GiB is full: give the instance more storage, or delete data.%s", u.record.StorageGiB, advice)
	seen.State = driver.StateDegraded
	if seen.BlockedBy == "" {
		seen.Message, seen.BlockedBy = message, "you"
	}
	seen.Conditions = append(seen.Conditions, driver.Condition{Type: "StorageFull", Status: true, Reason: "PlanExhausted", Message: message})
}
