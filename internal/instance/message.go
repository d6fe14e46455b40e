package instance

import (
	"fmt"
	"time"

	"souk/api"
	"souk/internal/agentapi"
)

// phaseMessage says in plain words what the phase means for the user.
func phaseMessage(r row) string {
	switch api.Phase(r.Phase) {
	case api.PhasePending:
		return "Ordered. Its zone has not begun yet."
	case api.PhaseProvisioning:
		return "Being set up."
	case api.PhaseReady:
		return "Answers its clients."
	case api.PhaseUpdating:
		if r.ObservedGeneration < r.ActiveGeneration {
			return "Starting again. It costs nothing but its storage until it is ready."
		}
		return "A change is being applied."
	case api.PhaseMaintaining:
		return "Planned maintenance is under way. Connections may be closed for a moment."
	case api.PhaseDegraded:
		return "Exists, but does not serve as agreed."
	case api.PhaseSuspended:
		return "Suspended. Its data is kept; only the storage is billed."
	case api.PhaseDeleting:
		return "Being stopped. It costs nothing but its storage from the moment you deleted it."
	case api.PhaseDeleted:
		if r.Intent == string(agentapi.IntentPurged) {
			return "Being removed for good."
		}
		if r.PurgeAt != nil {
			return fmt.Sprintf("Deleted. It can be brought back with its data until %s.", r.PurgeAt.UTC().Format(time.RFC3339))
		}
	case api.PhasePurged:
		return "Removed for good."
	case api.PhaseFailed:
		return "Cannot run until somebody acts."
	}
	return ""
}
