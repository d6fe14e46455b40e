//go:build crash

package crash

import (
	"syscall"
	"testing"

	"souk/api"
)

// TestZoneOutOfReach has users order, suspend and delete while the zone's agent
// hangs: all of that is accepted and billed at once, and carried out when the
// agent is back.
func TestZoneOutOfReach(t *testing.T) {
	h := build(t)
	h.start()
	h.Cleanup()
	for _, name := range []string{"kept", "paused", "deleted"} {
		h.Sh("souk order postgresql " + name + " --wait").Done()
		h.fill(name)
	}
	h.Sh("souk unprotect deleted").Done()
	agent := h.Part("agent")
	if err := syscall.Kill(agent, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(agent, syscall.SIGCONT) })

	h.Sh("souk order postgresql fresh").Done()
	h.Sh("souk suspend paused").Done()
	h.Sh("souk delete instance deleted").Done()
	for name, want := range map[string]api.Phase{"fresh": api.PhasePending, "paused": api.PhaseSuspended, "deleted": api.PhaseDeleting, "kept": api.PhaseReady} {
		if phase := h.Instance(name).Status.Phase; phase != want {
			t.Errorf("%s is %s, want %s", name, phase, want)
		}
	}
	h.holds(t, "kept")
	h.holds(t, "paused") // nobody can stop it yet, which its user does not pay for
	for _, billed := range h.Record(`SELECT i.name FROM segments s JOIN instances i ON i.id = s.instance_id
		WHERE s.to_at IS NULL AND s.superseded_at IS NULL AND s.compute_billed AND i.name <> 'kept'`) {
		t.Errorf("%s is billed for computing", billed)
	}
	if err := syscall.Kill(agent, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for name, phase := range map[string]string{"fresh": "Ready", "paused": "Suspended", "deleted": "Deleted"} {
		h.settled(name, phase)
	}
	h.Sh("souk resume paused --wait && souk undelete deleted --wait").Done()
	for _, name := range []string{"kept", "paused", "deleted"} {
		h.holds(t, name)
	}
	if now := h.Part("agent"); now != agent {
		t.Error("the agent was started again, so nothing of this was tried")
	}
	h.whole(t)
	h.Interrupt()
}
