package reconcile

import (
	"context"
	"errors"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// patience is how many failures in a row are kept from the user, because the
// next attempt usually helps.
const patience = 3

// What users read about failures whose details are for the zone's operator.
const (
	dataLost     = "The data of this instance is gone from its zone, and nothing was recreated in its place. The zone's operator has to find the data, or restore it from a backup."
	creationSlow = "The zone has failed several times to make this instance and keeps trying. Its operator finds the reason in the agent's log."
	changeSlow   = "The zone has failed several times to bring this instance to its wanted state and keeps trying. Its operator finds the reason in the agent's log."
)

// fail logs why a driver call failed, reports it once it matters to the user,
// and says when to try again.
func (r *Reconciler) fail(ctx context.Context, work store.Work, err error) next {
	wanted := work.Desired
	log := r.opt.Logger.With("instance", wanted.ID, "name", wanted.Name, "intent", wanted.Intent, "generation", wanted.Generation)
	var blocked *driver.BlockedError
	switch {
	case errors.Is(err, driver.ErrDataLost):
		log.Error("the instance's data is gone; nothing was recreated", "error", err)
		return r.report(work, lostData(work), next{})
	case errors.As(err, &blocked):
		log.Warn("the instance is blocked", "blockedBy", blocked.BlockedBy, "error", err)
		seen := r.seenAtFailure(ctx, work, blocked.Permanent)
		seen.Message, seen.BlockedBy = blocked.Message, blocked.BlockedBy
		return r.report(work, seen, next{failed: !blocked.Permanent})
	}
	failures := r.queue.NumRequeues(wanted.ID) + 1
	log.Error("the instance could not be brought to its wanted state and is tried again", "failures", failures, "error", err)
	if failures < patience {
		return next{failed: true}
	}
	seen := r.seenAtFailure(ctx, work, false)
	seen.Message, seen.BlockedBy = changeSlow, ""
	if !wanted.HeldData && wanted.Intent == agentapi.IntentActive {
		seen.Message = creationSlow
	}
	return r.report(work, seen, next{failed: true})
}

// lostData is what is left to report of an instance without its data.
func lostData(work store.Work) driver.Observation {
	seen := lastSeen(work)
	return driver.Observation{
		State:      driver.StateFailed,
		Generation: seen.Generation,
		Plan:       seen.Plan,
		StorageGiB: seen.StorageGiB,
		Message:    dataLost,
		BlockedBy:  "operator",
	}
}

// seenAtFailure is what is true of the instance although a call failed: what
// the driver can see, or else what was last reported.
func (r *Reconciler) seenAtFailure(ctx context.Context, work store.Work, permanent bool) driver.Observation {
	ctx, cancel := context.WithTimeout(ctx, r.opt.Call)
	defer cancel()
	seen, err := guarded(func() (driver.Observation, error) { return r.opt.Driver.Observe(ctx, work.Desired.ID) })
	if err != nil {
		seen = lastSeen(work)
		seen.Conditions = nil
	}
	seen.State = stateAtFailure(work.Desired, seen.State, permanent)
	return seen
}

func lastSeen(work store.Work) driver.Observation {
	if work.Reported == nil {
		return driver.Observation{}
	}
	return work.Reported.Observation
}

// stateAtFailure says in what state a failed call leaves an instance. One that
// never ran is still being created, or has failed for good; one that should
// serve and does not is degraded; any other is as it is seen.
func stateAtFailure(wanted agentapi.Desired, seen driver.State, permanent bool) driver.State {
	active := wanted.Intent == agentapi.IntentActive
	switch {
	case !active && seen != "":
		return seen
	case active && !wanted.HeldData && permanent:
		return driver.StateFailed
	case !wanted.HeldData:
		return driver.StateCreating
	case seen == driver.StateRunning, seen == driver.StateFailed:
		return seen
	}
	return driver.StateDegraded
}
