// Package lifecycle holds the one life that every instance of every service
// has: from what is wanted and what was observed it derives the phase.
package lifecycle

import (
	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// Wanted is what the control plane wants of an instance.
type Wanted struct {
	Intent     agentapi.Intent
	Generation int64
	// ActiveGeneration is that of the last order, resume or undelete: only an
	// observation of it or a later one tells of this stretch of life.
	ActiveGeneration int64
	// Maintaining: planned work is under way, which was agreed.
	Maintaining bool
}

// Observed is what the zone reported last.
type Observed struct {
	State      driver.State // "" before the first report
	Generation int64        // in force
	HeldData   bool         // it was running once
}

// Phase derives the phase. It is a pure function, so that a phase can never be
// forgotten or left behind.
func Phase(w Wanted, o Observed) api.Phase {
	phase := phase(w, o)
	switch phase {
	case api.PhaseReady, api.PhaseUpdating, api.PhaseDegraded:
		if w.Maintaining {
			return api.PhaseMaintaining
		}
	}
	return phase
}

func phase(w Wanted, o Observed) api.Phase {
	switch w.Intent {
	case agentapi.IntentPurged:
		if o.State == driver.StateGone && o.Generation >= w.Generation {
			return api.PhasePurged
		}
		return api.PhaseDeleted
	case agentapi.IntentDeleted:
		if o.Generation >= w.Generation && o.State == driver.StateStopped {
			return api.PhaseDeleted
		}
		return api.PhaseDeleting
	case agentapi.IntentSuspended:
		return api.PhaseSuspended
	}
	switch {
	case o.State == driver.StateFailed:
		return api.PhaseFailed
	case !o.HeldData && o.State == "":
		return api.PhasePending
	case !o.HeldData:
		return api.PhaseProvisioning
	case o.Generation < w.Generation:
		return api.PhaseUpdating
	case o.State == driver.StateRunning:
		return api.PhaseReady
	case o.State == driver.StateCreating, o.State == driver.StateStopped:
		return api.PhaseUpdating
	}
	return api.PhaseDegraded
}
