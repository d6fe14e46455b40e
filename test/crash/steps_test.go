//go:build crash

package crash

import (
	"slices"
	"strings"
	"testing"

	"souk/internal/step"
)

// The steps, in the order in which they are taken, of what the zone's agent does.
var (
	enrolling = []string{"agent/key-written", "agent/identity-stored", "agent/epoch-begun"}
	reporting = []string{"agent/desired-cached", "agent/driver-called", "agent/fact-recorded", "agent/outbox-acknowledged"}
	ensuring  = []string{
		"process/prepared", "process/shim", "process/port", "process/restart",
		"postgresql/certificate", "postgresql/initdb", "postgresql/configure", "postgresql/start", "postgresql/roles", "postgresql/access",
		"process/engine", "process/limits", "process/applied",
	}
	stopping = []string{"process/stopped", "process/shim-ended"}
	purging  = []string{"process/destroyed", "process/forgotten", "agent/instance-dropped"}
)

// TestKilledAfterEachStep runs, for every step, the operation that comes by it
// first, has the process die right after it, and expects the next one to finish.
func TestKilledAfterEachStep(t *testing.T) {
	h := build(t)
	h.arm(t, enrolling...)
	h.start()
	h.Cleanup()
	for _, name := range enrolling {
		t.Run(step.FileName(name), func(t *testing.T) { h.of(t).awaitKilled(t, name) })
	}
	h.Sh("souk order postgresql steady --wait").Done()
	h.fill("steady")
	steady := h.engine(t, "steady")

	for _, name := range slices.Concat(ensuring, reporting) {
		t.Run(step.FileName(name), func(t *testing.T) {
			h := h.of(t)
			instance := instanceFor(name)
			h.during(t, "souk order postgresql "+instance+" --wait", name)
			h.fill(instance)
			h.holds(t, instance)
		})
	}
	h.whole(t)
	for _, name := range stopping {
		t.Run(step.FileName(name), func(t *testing.T) {
			h := h.of(t)
			h.during(t, "souk suspend "+instanceFor(ensuring[0])+" --wait", name)
			h.whole(t)
			h.Sh("souk resume " + instanceFor(ensuring[0]) + " --wait").Done()
			h.holds(t, instanceFor(ensuring[0]))
		})
	}
	for i, name := range purging {
		t.Run(step.FileName(name), func(t *testing.T) {
			h := h.of(t)
			instance := instanceFor(ensuring[i])
			h.Sh("souk unprotect " + instance + " && souk delete " + instance + " --wait").Done()
			h.during(t, "souk --context operator dev clock advance 169h", name)
			h.settled(instance, "Purged")
			h.whole(t)
		})
	}
	for _, name := range slices.Concat(ensuring, reporting)[len(purging):] {
		h.holds(t, instanceFor(name))
	}
	h.holds(t, "steady")
	if now := h.engine(t, "steady"); now != steady {
		t.Errorf("while the agent was killed, an instance that nobody touched was restarted")
	}
	h.Interrupt()
}

// instanceFor names the instance whose order a step is killed in.
func instanceFor(name string) string { return strings.ReplaceAll(step.FileName(name), "_", "-") }
