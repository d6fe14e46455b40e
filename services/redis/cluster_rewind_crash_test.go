//go:build e2e && crashtest

package redis

import (
	"testing"

	"souk/internal/driver/kubernetes/clustertest"
)

// TestClusterSnapshotsRestoreInPlaceKilledAfterEachStep kills the agent after every step of
// a restore in place, of one that fails at the end.
func TestClusterSnapshotsRestoreInPlaceKilledAfterEachStep(t *testing.T) {
	store := storeForPods(t)
	want := clusterKept()
	call := clustertest.Call{What: "ensure", Zone: "rk-crash-in-place", Want: want, Place: store.Place, Backup: anOrder()}
	as := func(what string) clustertest.Call { c := call; c.What = what; return c }
	t.Cleanup(func() { as("remove").Do(t, "") })
	at := call.Do(t, "").Endpoint
	call.Want.HeldData = true
	do(t, user(t, want, at), "SET", "n", 0)
	as("backup").Do(t, "")
	clustertest.InPlace{
		Call: call, Engine: &clusterEngine{}, Spoil: func() { store.Spoil(want.ID, "/data/") },
		Change:  func(t *testing.T) { do(t, user(t, want, at), "INCR", "n") },
		Changes: func(t *testing.T) int { return number(t, want, at) },
	}.KilledAfterEachStep(t)
}
