package process

import (
	"context"
	"errors"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/step"
)

var (
	stepRewindBegun   = step.New("process/rewind-begun")
	stepRewindBrought = step.New("process/rewind-brought")
	stepRewindAside   = step.New("process/rewind-aside")
	stepRewindSwapped = step.New("process/rewind-swapped")
	stepRewindServed  = step.New("process/rewind-served")
	stepRewindBack    = step.New("process/rewind-back")
)

// RewindingEngine is a BackupEngine whose instances can be restored in place.
type RewindingEngine interface {
	BackupEngine
	// Bring brings the backup that the job is to restore beside the data, while the
	// server runs. It goes on from where an earlier attempt was cut short.
	Bring(ctx context.Context, job *Job) error
	// DataFolders are where the data lies and where Bring puts what it brings,
	// relative to the instance's folder.
	DataFolders() (data, brought string)
}

// asideFolder is where the data from before waits until what was restored serves.
const asideFolder = shim.DataFolder + "/before"

// rewind is a restore in place, as it is recorded.
type rewind struct {
	Number  int64       `json:"number"`
	Stage   rewindStage `json:"stage,omitempty"`
	Tries   int         `json:"tries,omitempty"` // at serving what was restored
	Problem string      `json:"problem,omitempty"`
}

// rewindStage says how far a restore in place has come; "": it is over.
type rewindStage string

const (
	rewindBringing rewindStage = "bringing" // beside the data, which serves
	rewindSwapping rewindStage = "swapping" // the data is set aside, and what was brought is to serve
	rewindBack     rewindStage = "back"     // what was set aside is to serve again
	rewindClearing rewindStage = "clearing" // what was set aside goes
)

// rewindTries is how often what was restored may fail to serve before the data from
// before comes back.
const rewindTries = 3

func (u *unit) rewinding() rewind {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.record.Rewind
}

func (d *Driver) saveRewind(u *unit, is rewind) error {
	return d.save(u, func(r *record) { r.Rewind = is })
}

// rewind takes the steps of a restore in place up to where its engine's own steps
// start what was restored.
func (d *Driver) rewind(ctx context.Context, u *unit, engine Engine, job *Job) error {
	is := u.rewinding()
	if want := job.Want.Rewind; want != nil && want.Number > is.Number && (is.Stage == "" || is.Stage == rewindBringing) {
		is = rewind{Number: want.Number, Stage: rewindBringing}
		if err := d.saveRewind(u, is); err != nil {
			return err
		}
		stepRewindBegun.Done()
	}
	rewinder, ok := engine.(RewindingEngine)
	if is.Stage == "" || !ok {
		return nil
	}
	if is.Stage == rewindBringing {
		brought, err := d.bring(ctx, u, rewinder, job, is)
		if err != nil || !brought {
			return err
		}
		is = u.rewinding()
	}
	switch is.Stage {
	case rewindSwapping:
		return d.swap(ctx, u, rewinder, job.Host)
	case rewindBack:
		return d.putBack(ctx, u, rewinder, job.Host)
	case rewindClearing:
		return d.clearAside(ctx, u, job.Host)
	}
	return nil
}

// bring has the backup brought beside the data. What will never do ends the restore,
// and the instance goes on as it is.
func (d *Driver) bring(ctx context.Context, u *unit, engine RewindingEngine, job *Job, is rewind) (bool, error) {
	_, brought := engine.DataFolders()
	err := driver.ErrNotFound // nobody wants it any more
	if want := job.Want.Rewind; want != nil && want.Number == is.Number {
		of := *job
		of.Want.Restore = &want.Restore
		err = engine.Bring(ctx, &of)
	}
	var blocked *driver.BlockedError
	switch {
	case err == nil:
		stepRewindBrought.Done()
		return true, d.saveRewind(u, rewind{Number: is.Number, Stage: rewindSwapping})
	case errors.Is(err, driver.ErrNotFound):
		is.Problem = "It was given up before the backup was there."
	case errors.As(err, &blocked) && blocked.Permanent:
		is.Problem = blocked.Message
	default:
		return false, err
	}
	if err := job.Remove(ctx, brought); err != nil {
		return false, err
	}
	return false, d.saveRewind(u, rewind{Number: is.Number, Problem: is.Problem})
}

// swap ends the server, sets its data aside, and puts what was brought in its place.
func (d *Driver) swap(ctx context.Context, u *unit, engine RewindingEngine, host *Host) error {
	data, brought := engine.DataFolders()
	left, err := host.Exists(ctx, brought)
	if err != nil || !left {
		return err
	}
	u.interrupt(d.cfg.Now())
	if err := host.Stop(ctx, engine.StopSignal(), stopTimeout); err != nil {
		return err
	}
	aside, err := host.Exists(ctx, asideFolder)
	if err != nil {
		return err
	}
	if !aside {
		if err := host.Rename(ctx, data, asideFolder); err != nil {
			return err
		}
	}
	stepRewindAside.Done()
	if err := host.Rename(ctx, brought, data); err != nil {
		return err
	}
	stepRewindSwapped.Done()
	return nil
}

// errPutBack has the instance looked at again at once, with the data from before.
var errPutBack = errors.New("what was restored in place does not serve; the data from before is put back")

// rewindFailed decides what comes of a server that does not serve what was restored:
// it is tried again, or the data from before comes back.
func (d *Driver) rewindFailed(ctx context.Context, u *unit, failed error) error {
	is := u.rewinding()
	if is.Stage != rewindSwapping || errors.Is(context.Cause(ctx), context.Canceled) {
		return failed
	}
	is.Tries++
	is.Problem = "The server could not be started with what was restored."
	var blocked *driver.BlockedError
	hopeless := errors.As(failed, &blocked) && blocked.Permanent
	if blocked != nil {
		is.Problem = blocked.Message
	}
	if !hopeless && is.Tries < rewindTries {
		return errors.Join(failed, d.saveRewind(u, is))
	}
	d.cfg.Logger.Warn("what was restored in place does not serve; the data from before comes back", "instance", u.id, "error", failed)
	is.Stage = rewindBack
	if err := d.saveRewind(u, is); err != nil {
		return errors.Join(failed, err)
	}
	return errPutBack
}

// putBack has the data from before serve again.
func (d *Driver) putBack(ctx context.Context, u *unit, engine RewindingEngine, host *Host) error {
	data, brought := engine.DataFolders()
	aside, err := host.Exists(ctx, asideFolder)
	if err != nil {
		return err
	}
	if aside {
		if err := host.Stop(ctx, engine.StopSignal(), stopTimeout); err != nil {
			return err
		}
		if err := host.Remove(ctx, data); err != nil {
			return err
		}
		if err := host.Rename(ctx, asideFolder, data); err != nil {
			return err
		}
	}
	if err := host.Remove(ctx, brought); err != nil {
		return err
	}
	stepRewindBack.Done()
	is := u.rewinding()
	return d.saveRewind(u, rewind{Number: is.Number, Problem: is.Problem})
}

// rewound ends a restore in place once what was restored serves.
func (d *Driver) rewound(ctx context.Context, u *unit, host *Host) error {
	is := u.rewinding()
	if is.Stage != rewindSwapping {
		return nil
	}
	if err := d.saveRewind(u, rewind{Number: is.Number, Stage: rewindClearing}); err != nil {
		return err
	}
	stepRewindServed.Done()
	return d.clearAside(ctx, u, host)
}

func (d *Driver) clearAside(ctx context.Context, u *unit, host *Host) error {
	if err := host.Remove(ctx, asideFolder); err != nil {
		return err
	}
	return d.saveRewind(u, rewind{Number: u.rewinding().Number})
}
