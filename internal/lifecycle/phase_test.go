package lifecycle

import (
	"testing"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

func TestPhase(t *testing.T) {
	const (
		active, suspended, deleted, purged = agentapi.IntentActive, agentapi.IntentSuspended, agentapi.IntentDeleted, agentapi.IntentPurged
		fresh, held                        = false, true
	)
	for _, c := range []struct {
		what       string
		intent     agentapi.Intent
		generation int64
		state      driver.State
		observed   int64
		held       bool
		want       api.Phase
	}{
		{"ordered, nothing heard", active, 1, "", 0, fresh, api.PhasePending},
		{"being made", active, 1, driver.StateCreating, 0, fresh, api.PhaseProvisioning},
		{"not running yet", active, 1, driver.StateStopped, 1, fresh, api.PhaseProvisioning},
		{"could not be made", active, 1, driver.StateFailed, 0, fresh, api.PhaseFailed},
		{"running", active, 1, driver.StateRunning, 1, held, api.PhaseReady},
		{"degraded", active, 1, driver.StateDegraded, 1, held, api.PhaseDegraded},
		{"gone although wanted", active, 1, driver.StateGone, 1, held, api.PhaseDegraded},
		{"broken", active, 1, driver.StateFailed, 1, held, api.PhaseFailed},
		{"a change not in force", active, 2, driver.StateRunning, 1, held, api.PhaseUpdating},
		{"a change that broke it", active, 2, driver.StateFailed, 1, held, api.PhaseFailed},
		{"starting again", active, 3, driver.StateStopped, 3, held, api.PhaseUpdating},
		{"suspended, the zone has not acted", suspended, 2, driver.StateRunning, 1, held, api.PhaseSuspended},
		{"suspended", suspended, 2, driver.StateStopped, 2, held, api.PhaseSuspended},
		{"deleted, the zone has not acted", deleted, 2, driver.StateRunning, 1, held, api.PhaseDeleting},
		{"deleted while stopped", deleted, 3, driver.StateStopped, 2, held, api.PhaseDeleting},
		{"deleted", deleted, 2, driver.StateStopped, 2, held, api.PhaseDeleted},
		{"deleted before it was made", deleted, 2, "", 0, fresh, api.PhaseDeleting},
		{"purged, the zone has not acted", purged, 3, driver.StateStopped, 2, held, api.PhaseDeleted},
		{"gone before it was purged", purged, 3, driver.StateGone, 2, held, api.PhaseDeleted},
		{"purged", purged, 3, driver.StateGone, 3, held, api.PhasePurged},
		{"purged, and something is there", purged, 3, driver.StateRunning, 3, held, api.PhaseDeleted},
	} {
		w, o := Wanted{Intent: c.intent, Generation: c.generation}, Observed{State: c.state, Generation: c.observed, HeldData: c.held}
		if got := Phase(w, o); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}
