//go:build e2e && crashtest

package postgresql

import (
	"cmp"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/test/objectstore"
)

// TestClusterRestoreInPlaceKilledAfterEachStep kills the agent after every step of a
// restore in place, of one that fails at the end.
func TestClusterRestoreInPlaceKilledAfterEachStep(t *testing.T) {
	t.Parallel()
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	store := objectstore.At(t, host, host)
	p := &place{t: t, client: clustertest.Client(t)}
	want := clusterOrder()
	keeping(&want)
	call := clustertest.Call{What: "ensure", Zone: "fault-crash-in-place", Want: want, Place: store.Place,
		Backup: driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}}
	as := func(what string) clustertest.Call { c := call; c.What = what; return c }
	t.Cleanup(func() { as("remove").Do(t, "") })
	at := call.Do(t, "").Endpoint
	call.Want.HeldData = true
	p.exec(p.user(&want, at), "CREATE TABLE numbers AS SELECT generate_series(1, 100) AS n")
	as("backup").Do(t, "")
	clustertest.InPlace{
		Call: call, Engine: &clusterEngine{}, Spoil: func() { store.Spoil(want.ID, "data.tar") },
		Change: func(t *testing.T) {
			p := p.on(t)
			p.exec(p.user(&want, at), "INSERT INTO numbers VALUES (0)")
		},
		Changes: func(t *testing.T) int { return p.on(t).rows(&want, at) - 100 },
	}.KilledAfterEachStep(t)
}
