//go:build crashtest

package postgresql

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/step"
	"souk/test/objectstore"
)

// stopping, removing and keeping backups are the operations that take these steps;
// ensuring takes all others.
var (
	stopping = []string{"process/stopped", "process/shim-ended"}
	removing = []string{"process/destroyed", "process/forgotten"}
	keeping  = []string{"process/backup-taken", "process/backup-expired"}
)

// TestAgentKilledAfterEachStep kills the agent after every step of every
// operation; the next agent then finishes what was begun.
func TestAgentKilledAfterEachStep(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it runs the parts under the accounts they really have")
	}
	z := newRealZone(t)
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "process/") && !strings.HasPrefix(name, "postgresql/") || slices.Contains(keeping, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			z.t = t
			want := order()
			switch {
			case slices.Contains(stopping, name):
				z.ensured(&want)
				z.crash(name, "stop", want)
				z.agent("stop", want)
			case slices.Contains(removing, name):
				z.ensured(&want)
				z.crash(name, "remove", want)
				z.agent("remove", want)
				return
			default:
				z.crash(name, "ensure", want)
			}
			z.ensured(&want)
			z.agent("remove", want)
		})
	}
	z.t = t
}

// ensured has the instance run and tries its log-in.
func (z *realZone) ensured(want *driver.Instance) {
	z.t.Helper()
	seen := z.agent("ensure", *want)
	want.HeldData = true
	conn, err := dial(z.t.Context(), seen.Endpoint, "alice", want.Credentials[0].Password)
	if err != nil {
		z.t.Fatal(err)
	}
	conn.Close(z.t.Context())
}

// crash has an agent that is killed after the step.
func (z *realZone) crash(after, what string, want driver.Instance) {
	z.t.Helper()
	marker := filepath.Join(z.call.Dir, "marker")
	_ = os.Remove(marker)
	z.environment = []string{step.EnvCrashAfter + "=" + after, step.EnvCrashMarker + "=" + marker}
	_, err := z.try(what, want)
	z.environment = nil
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		z.t.Fatalf("the agent was not killed: %v", err)
	}
	if _, err := os.Stat(marker); err != nil {
		z.t.Fatalf("the agent was killed elsewhere: %v", err)
	}
}

// TestBackupAndRestoreKilledAfterEachStep kills the agent after every step of a
// backup, of a restore and of an expiry; the next agent then finishes each, and
// nothing is there twice.
func TestBackupAndRestoreKilledAfterEachStep(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: it runs the parts under the accounts they really have")
	}
	z := newRealZone(t)
	z.call.Backups = objectstore.New(t).Place
	want := kept()
	z.ensured(&want)
	z.call.Order = driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	z.crash("process/backup-taken", "backup", want)
	z.agent("backup", want)
	taken := z.call.Order
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "postgresql/") {
			continue // the driver's own are the same as without a backup
		}
		t.Run(name, func(t *testing.T) {
			z.t = t
			copied := kept()
			copied.Restore = &driver.Restore{From: source(want), BackupID: taken.ID, Time: time.Now()}
			z.crash(name, "ensure", copied)
			z.ensured(&copied)
			z.agent("remove", copied)
		})
	}
	z.t = t
	z.crash("process/backup-expired", "expire", want)
	z.agent("expire", want)
	z.agent("remove", want)
}
