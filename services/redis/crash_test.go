//go:build crashtest

package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
	"souk/internal/step"
	"souk/test/objectstore"
)

func TestAgentKilledAfterEachStep(t *testing.T) {
	processtest.KilledAfterEachStep(t, order, serves)
}

// serves tries the instance's log-in.
func serves(t *testing.T, want driver.Instance, at *driver.Endpoint) {
	t.Helper()
	do(t, user(t, want, at), "SET", "k", "v")
}

// TestBackupAndRestoreKilledAfterEachStep kills the agent after every step of a
// backup, of a restore and of an expiry; the next agent then finishes each, and
// nothing is there twice.
func TestBackupAndRestoreKilledAfterEachStep(t *testing.T) {
	z := processtest.NewReal(t)
	z.Backups = objectstore.New(t).Place
	ensured := func(t *testing.T, want *driver.Instance) {
		seen := z.Agent(t, "ensure", *want)
		want.HeldData = true
		serves(t, *want, seen.Endpoint)
	}
	want := kept()
	ensured(t, &want)
	z.Order = driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	cut := func(after, what string) {
		t.Run(after, func(t *testing.T) {
			z.Crash(t, after, what, want)
			z.Agent(t, what, want)
		})
	}
	cut("process/backup-taken", "backup")
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "redis/") {
			continue // the driver's own are the same as without a backup
		}
		t.Run(name, func(t *testing.T) {
			copied := kept()
			copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: z.Order.ID}
			z.Crash(t, name, "ensure", copied)
			ensured(t, &copied)
			z.Agent(t, "remove", copied)
		})
	}
	cut("process/backup-expired", "expire")
	z.Agent(t, "remove", want)
}

// TestRestoreInPlaceKilledAfterEachStep kills the agent after every step of a restore
// in place; the next agent then finishes each.
func TestRestoreInPlaceKilledAfterEachStep(t *testing.T) {
	processtest.RewoundKilledAfterEachStep(t, objectstore.New(t).Place, kept, serves, nil)
}
