//go:build crashtest

package postgresql

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
	processtest.KilledAfterEachStep(t, order, logsIn)
}

// logsIn tries the instance's log-in.
func logsIn(t *testing.T, want driver.Instance, at *driver.Endpoint) {
	t.Helper()
	conn, err := dial(t.Context(), at, "alice", want.Credentials[0].Password)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
}

// ensured has the instance run and tries its log-in.
func ensured(t *testing.T, z *processtest.RealZone, want *driver.Instance) {
	t.Helper()
	seen := z.Agent(t, "ensure", *want)
	want.HeldData = true
	logsIn(t, *want, seen.Endpoint)
}

// TestBackupAndRestoreKilledAfterEachStep kills the agent after every step of a
// backup, of a restore and of an expiry; the next agent then finishes each, and
// nothing is there twice.
func TestBackupAndRestoreKilledAfterEachStep(t *testing.T) {
	z := processtest.NewReal(t)
	z.Backups = objectstore.New(t).Place
	want := kept()
	ensured(t, z, &want)
	z.Order = driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now()}
	cut := func(after, what string) {
		t.Run(after, func(t *testing.T) {
			z.Crash(t, after, what, want)
			z.Agent(t, what, want)
		})
	}
	cut("process/backup-taken", "backup")
	taken := z.Order
	for _, name := range step.All() {
		if !strings.HasPrefix(name, "postgresql/") {
			continue // the driver's own are the same as without a backup
		}
		t.Run(name, func(t *testing.T) {
			copied := kept()
			copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: taken.ID, Time: time.Now()}
			z.Crash(t, name, "ensure", copied)
			ensured(t, z, &copied)
			z.Agent(t, "remove", copied)
		})
	}
	cut("process/backup-expired", "expire")
	z.Agent(t, "remove", want)
}

// TestRestoreInPlaceKilledAfterEachStep kills the agent after every step of a restore
// in place; the next agent then finishes each.
func TestRestoreInPlaceKilledAfterEachStep(t *testing.T) {
	store := objectstore.New(t)
	processtest.RewoundKilledAfterEachStep(t, store.Place, kept, logsIn, func(id string) error { return forgetChanges(store, id) })
}
