package zone_test

import (
	"testing"

	"souk/internal/agentapi/conformance"
)

// The real control plane behaves as the one in memory does, against which the
// agent is tested.
func TestAgentAPIConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.ControlPlane { return newPlane(t).conformance() })
}
