//go:build e2e && crashtest

package clustertest

import (
	"slices"
	"strings"
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/step"
)

// RewindStep begins the names of the steps of a restore in place.
const RewindStep = "kubernetes/rewind-"

// InPlace is an instance that is restored in place again and again.
type InPlace struct {
	Call   // that ensures it; it runs
	Engine kubernetes.Engine
	// Change changes the data, and Changes says how often that was since the backup.
	Change  func(t *testing.T)
	Changes func(t *testing.T) int
	Spoil   func() // damages the backup
}

// KilledAfterEachStep kills the agent after every step of a restore in place, of one that
// fails at the end; the next agent finishes each, with the data of the backup or of
// before, and nothing else is left.
func (c InPlace) KilledAfterEachStep(t *testing.T) {
	at := *c.Do(t, "").Endpoint
	c.Want.HeldData = true
	number := int64(0)
	killed := func(t *testing.T, name string, changes int) {
		number++
		c.Change(t)
		c.Want.Generation++
		c.Want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: c.Want.BackupSource(), BackupID: c.Backup.ID}}
		c.Do(t, name)
		seen := c.Do(t, "")
		if is := seen.Rewound; is == nil || is.Number != number || (is.Problem != "") != (changes > 0) || *seen.Endpoint != at {
			t.Errorf("reported as %+v", seen)
		}
		if got := c.Changes(t); got != changes {
			t.Errorf("%d changes are there, want %d", got, changes)
		}
		if !NewPerson(t).Holds(c.Engine, &c.Want, 1) {
			t.Error("what was set aside is still there")
		}
	}
	failing := []string{RewindStep + "failed", RewindStep + "back"}
	for _, name := range step.All() {
		if strings.HasPrefix(name, RewindStep) && !slices.Contains(failing, name) {
			t.Run(name, func(t *testing.T) { killed(t, name, 0) })
		}
	}
	c.Spoil()
	for i, name := range failing {
		t.Run(name, func(t *testing.T) { killed(t, name, i+1) })
	}
}
