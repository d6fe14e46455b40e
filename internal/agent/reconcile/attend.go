package reconcile

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/step"
)

var stepDriverCalled = step.New("agent/driver-called")

// errGone: the driver has removed the instance.
var errGone = errors.New("instance removed")

// attend takes one instance the next step towards what is wanted.
func (r *Reconciler) attend(ctx context.Context, id string) next {
	work, err := r.opt.Store.Load(id)
	if err != nil {
		return r.cannotLoad(id, err)
	}
	if work.Reported != nil && work.Reported.Ran {
		work.Desired.HeldData = true
	}
	ctx, landed := r.flights.begin(ctx, id, work.Desired.Intent)
	defer landed()

	first := r.reportCreating(&work)
	if r.opt.Before != nil && work.Reported != nil && work.Reported.Ran && work.Reported.Observation.Generation != work.Desired.Generation {
		r.opt.Before(ctx, id)
	}
	seen, err := r.call(ctx, work.Desired)
	stepDriverCalled.Done()
	if first != nil {
		if err := r.opt.Store.Wait(first); err != nil {
			return r.cannotRecord(id, err)
		}
	}
	if context.Cause(ctx) != nil {
		return next{} // overtaken, or the agent ends
	}
	return r.conclude(ctx, work, seen, err)
}

func (r *Reconciler) cannotLoad(id string, err error) next {
	if errors.Is(err, store.ErrNotCached) {
		return next{}
	}
	var corrupt *store.CorruptError
	if errors.As(err, &corrupt) {
		r.opt.Logger.Error("what is wanted of an instance cannot be read from disk; it is left as it is, and the whole list is asked for", "instance", id, "error", err)
		r.opt.ListAgain()
		return next{}
	}
	r.opt.Logger.Error("an instance cannot be looked up on disk", "instance", id, "error", err)
	return next{failed: true}
}

// reportCreating says that a new instance is being made, while it is.
func (r *Reconciler) reportCreating(work *store.Work) <-chan error {
	wanted := work.Desired
	if work.Reported != nil || wanted.HeldData || wanted.Intent != agentapi.IntentActive {
		return nil
	}
	creating := driver.Observation{State: driver.StateCreating}
	if wanted.Restore != nil {
		creating.Message = "Being restored from a backup."
	}
	work.Reported = &store.Reported{Observation: creating}
	return r.opt.Store.Report(wanted.ID, creating, wanted.AcceptedAt)
}

// call has the driver carry out what is wanted, within the time for one call.
func (r *Reconciler) call(ctx context.Context, wanted agentapi.Desired) (driver.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opt.Call)
	defer cancel()
	return guarded(func() (driver.Observation, error) { return r.carryOut(ctx, wanted) })
}

func (r *Reconciler) carryOut(ctx context.Context, wanted agentapi.Desired) (driver.Observation, error) {
	switch wanted.Intent {
	case agentapi.IntentActive:
		return r.opt.Driver.Ensure(ctx, wanted.Instance)
	case agentapi.IntentSuspended, agentapi.IntentDeleted:
		return r.opt.Driver.Stop(ctx, wanted.Instance)
	case agentapi.IntentPurged:
		if err := r.opt.Driver.Remove(ctx, wanted.ID); err != nil {
			return driver.Observation{}, err
		}
		return driver.Observation{}, errGone
	}
	return driver.Observation{}, &driver.BlockedError{
		Message:   "The zone's agent does not know what to do with this instance; the agent is older than the control plane and has to be upgraded.",
		BlockedBy: "operator",
		Permanent: true,
		Err:       fmt.Errorf("unknown intent %q", wanted.Intent),
	}
}

// guarded turns a panic over one instance into a failure of that instance only.
func guarded(call func() (driver.Observation, error)) (seen driver.Observation, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the driver panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	return call()
}

// conclude reports the outcome of a call and says what comes next.
func (r *Reconciler) conclude(ctx context.Context, work store.Work, seen driver.Observation, err error) next {
	if err == nil {
		n := next{}
		if progressing(work.Desired, seen) {
			n.after = r.opt.Progress
		}
		return r.report(work, seen, n)
	}
	if errors.Is(err, errGone) {
		return r.dropGone(work.Desired)
	}
	return r.fail(ctx, work, err)
}

func (r *Reconciler) dropGone(wanted agentapi.Desired) next {
	if err := r.opt.Store.ReportGone(wanted); err != nil {
		return r.cannotRecord(wanted.ID, err)
	}
	r.opt.Logger.Info("instance removed", "instance", wanted.ID, "name", wanted.Name)
	return next{}
}

// progressing says that the instance is on its way by itself. One that ails and
// waits for nobody is on its way to be well.
func progressing(wanted agentapi.Desired, seen driver.Observation) bool {
	if seen.State == driver.StateFailed {
		return false
	}
	if seen.State == driver.StateDegraded && seen.BlockedBy == "" {
		return true
	}
	if seen.Generation < wanted.Generation || seen.State == driver.StateCreating {
		return true
	}
	return wanted.Intent != agentapi.IntentActive && seen.State != driver.StateStopped && seen.State != driver.StateGone
}

// report records what was seen if it says anything new.
func (r *Reconciler) report(work store.Work, seen driver.Observation, n next) next {
	if work.Reported != nil && sameToReaders(work.Reported.Observation, seen) {
		return n
	}
	wanted := work.Desired
	notBefore := time.Time{}
	if seen.Generation == wanted.Generation {
		notBefore = wanted.AcceptedAt
	}
	if err := r.opt.Store.Wait(r.opt.Store.Report(wanted.ID, seen, notBefore)); err != nil {
		return r.cannotRecord(wanted.ID, err)
	}
	r.opt.Logger.Info("instance changed", "instance", wanted.ID, "name", wanted.Name, "state", seen.State, "generation", seen.Generation)
	return n
}

func (r *Reconciler) cannotRecord(id string, err error) next {
	if !errors.Is(err, store.ErrClosed) {
		r.opt.Logger.Error("a report cannot be written to disk and will be made again", "instance", id, "error", err)
	}
	return next{failed: true}
}
