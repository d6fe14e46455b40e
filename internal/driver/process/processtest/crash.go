//go:build crashtest

package processtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/step"
)

// KilledAfterEachStep kills the agent after every step of every operation of an
// engine; the next agent then finishes what was begun. A client of the instance is
// tried by use each time. The engine's steps begin with its service's name.
func KilledAfterEachStep(t *testing.T, order func() driver.Instance, use func(*testing.T, driver.Instance, *driver.Endpoint)) {
	z := NewReal(t)
	prefix := order().Service + "/"
	ensured := func(t *testing.T, want *driver.Instance) {
		t.Helper()
		seen := z.Agent(t, "ensure", *want)
		want.HeldData = true
		use(t, *want, seen.Endpoint)
	}
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "process/") && !strings.HasPrefix(name, prefix) {
			continue
		}
		if strings.HasPrefix(name, "process/backup-") || strings.HasPrefix(name, "process/rewind-") {
			continue // only some engines keep backups, and try that themselves
		}
		t.Run(name, func(t *testing.T) {
			want := order()
			switch name {
			case "process/stopped", "process/shim-ended":
				ensured(t, &want)
				z.Crash(t, name, "stop", want)
				z.Agent(t, "stop", want)
			case "process/restart":
				ensured(t, &want)
				want.Restart++
				z.Crash(t, name, "ensure", want)
			case "process/destroyed", "process/forgotten":
				ensured(t, &want)
				z.Crash(t, name, "remove", want)
				z.Agent(t, "remove", want)
				return
			default:
				z.Crash(t, name, "ensure", want)
			}
			ensured(t, &want)
			z.Agent(t, "remove", want)
		})
	}
}

// Crash has an agent that is killed after the step.
func (z *RealZone) Crash(t *testing.T, after, what string, want driver.Instance) {
	t.Helper()
	marker := filepath.Join(z.call.Dir, "marker")
	_ = os.Remove(marker)
	_, err := z.try(t, what, want, step.EnvCrashAfter+"="+after, step.EnvCrashMarker+"="+marker)
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the agent was not killed: %v", err)
	}
	if _, err := os.Stat(marker); err != nil {
		t.Fatalf("the agent was killed elsewhere: %v", err)
	}
}

// RewoundKilledAfterEachStep kills the agent after every step of a restore in place;
// the next agent then finishes what was begun. spoil makes what is kept of the instance
// such that no server starts with it, for the step after which the data from before is
// back; nil where an engine cannot come to that.
func RewoundKilledAfterEachStep(t *testing.T, place *driver.BackupPlace, order func() driver.Instance, use func(*testing.T, driver.Instance, *driver.Endpoint), spoil func(id string) error) {
	z := NewReal(t)
	z.Backups = place
	want := order()
	seen := z.Agent(t, "ensure", want)
	want.HeldData = true
	use(t, want, seen.Endpoint)
	z.Order = driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	z.Agent(t, "backup", want)
	number := int64(0)
	rewind := func() {
		number++
		want.Generation++
		want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: z.Order.ID}}
	}
	over := func(t *testing.T, failed bool) {
		t.Helper()
		seen := z.Agent(t, "ensure", want)
		use(t, want, seen.Endpoint)
		if seen.Rewound == nil || seen.Rewound.Number != number || (seen.Rewound.Problem != "") != failed {
			t.Errorf("reported as %+v", seen.Rewound)
		}
	}
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "process/rewind-") || name == "process/rewind-back" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			rewind()
			z.Crash(t, name, "ensure", want)
			over(t, false)
		})
	}
	if spoil != nil {
		t.Run("process/rewind-back", func(t *testing.T) {
			if err := spoil(want.ID); err != nil {
				t.Fatal(err)
			}
			rewind()
			for range 3 { // what does not serve is tried again
				if _, err := z.try(t, "ensure", want); err == nil {
					t.Fatal("what was spoiled serves")
				}
			}
			z.Crash(t, "process/rewind-back", "ensure", want)
			over(t, true)
		})
	}
	z.Agent(t, "remove", want)
}
