//go:build crash

package crash

import (
	"slices"
	"testing"

	"souk/api"
)

// TestKilledThroughoutEachOperation has the agent die after every step of every
// operation on an instance with data, one death after the other.
func TestKilledThroughoutEachOperation(t *testing.T) {
	h := build(t)
	h.start()
	h.Cleanup()
	h.Sh("souk order postgresql db1 --wait").Done()
	h.fill("db1")

	carryOut := slices.Concat(reporting, ensuring)
	end := slices.Concat(reporting, stopping)
	for _, o := range []struct {
		name, line string
		steps      []string
		phase      api.Phase
		sameEngine bool // that the agent dies must not restart what need not be
	}{
		{"allow-list", "souk update db1 --allow 127.0.0.0/8 --wait", carryOut, api.PhaseReady, true},
		{"parameters", "souk update db1 --set work_mem=8192 --wait", carryOut, api.PhaseReady, true},
		{"another binding", "souk binding create db1 other", carryOut, api.PhaseReady, true},
		{"rotation", "souk binding rotate db1 default", carryOut, api.PhaseReady, true},
		{"revocation", "souk binding revoke db1 other", carryOut, api.PhaseReady, true},
		{"more storage and another plan", "souk update db1 --plan medium --storage 20 --wait", carryOut, api.PhaseReady, false},
		{"suspension", "souk suspend db1 --wait", end, api.PhaseSuspended, false},
		{"resumption", "souk resume db1 --wait", carryOut, api.PhaseReady, false},
		{"deletion", "souk unprotect db1 && souk delete db1 --wait", end, api.PhaseDeleted, false},
		{"undeletion", "souk undelete db1 --wait", carryOut, api.PhaseReady, false},
	} {
		t.Run(o.name, func(t *testing.T) {
			h := h.of(t)
			before := 0
			if o.sameEngine {
				before = h.engine(t, "db1")
			}
			h.during(t, o.line, o.steps...)
			h.settled("db1", string(o.phase))
			h.whole(t)
			if o.phase == api.PhaseReady {
				h.holds(t, "db1")
			}
			if o.sameEngine && h.engine(t, "db1") != before {
				t.Error("the engine was restarted")
			}
		})
	}
	t.Run("all is in force", func(t *testing.T) {
		h := h.of(t)
		h.Psql("db1", "show work_mem").Prints("8MB")
		if i := h.Instance("db1"); i.Status.AppliedPlan != "medium" || i.Spec.StorageGiB != 20 {
			t.Errorf("plan %s, %d GiB", i.Status.AppliedPlan, i.Spec.StorageGiB)
		}
	})
	t.Run("purge", func(t *testing.T) {
		h := h.of(t)
		h.Sh("souk unprotect db1 && souk delete db1 --wait").Done()
		h.during(t, "souk --context operator dev clock advance 169h", slices.Concat(reporting[:2], purging, reporting[3:])...)
		h.settled("db1", "Purged")
		h.whole(t)
	})
	h.Interrupt()
}
