//go:build e2e

package redis

import (
	"cmp"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"souk/internal/agent/backups/drilltest"
	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
	"souk/test/objectstore"
)

// envHost is this machine's address, as pods reach it.
const envHost = "SOUK_E2E_HOST"

// storeForPods is an object store that pods reach.
func storeForPods(t *testing.T) *objectstore.Store {
	t.Helper()
	host := cmp.Or(os.Getenv(envHost), "10.211.0.1")
	return objectstore.At(t, host, host)
}

// keptAt has a zone keep its backups at a place.
func keptAt(at *driver.BackupPlace) func(*kubernetes.Config) {
	return func(c *kubernetes.Config) { c.Place = at }
}

// backedUp is a zone in a cluster with a place for backups.
type backedUp struct {
	*kubernetes.Driver
	t *testing.T
}

func newBackedUp(t *testing.T, zone string) (*backedUp, *objectstore.Store) {
	t.Helper()
	store := storeForPods(t)
	d := cluster(t, zone, keptAt(store.Place))
	t.Cleanup(func() { d.Close() })
	return &backedUp{d, t}, store
}

// clusterKept is what is wanted of a new instance with backups, which restic has room for.
func clusterKept() driver.Instance {
	want := clusterOrder()
	want.Plan.MemoryMiB = 256
	want.Backup = &driver.BackupSettings{Key: "a-key-of-the-instance-" + want.ID}
	return want
}

func (z *backedUp) order() driver.Instance {
	want := clusterKept()
	clustertest.Removed(z.t, z.Driver, want.ID)
	return want
}

func anOrder() driver.BackupOrder {
	return driver.BackupOrder{ID: uuid.NewString(), Kind: "requested", At: time.Now().UTC().Truncate(time.Microsecond)}
}

func (z *backedUp) backup(want driver.Instance) driver.BackupOrder {
	z.t.Helper()
	o := anOrder()
	for range 2 { // the same again takes nothing
		if err := z.TakeBackup(z.t.Context(), want, o); err != nil {
			z.t.Fatalf("take a backup: %v", err)
		}
	}
	return o
}

func (z *backedUp) held(want driver.Instance) []driver.Backup {
	z.t.Helper()
	report, err := z.Backups(z.t.Context(), want.BackupSource())
	if err != nil || report.Archiving || !report.ArchivedUntil.IsZero() {
		z.t.Fatalf("list the backups: %+v, %v", report, err)
	}
	return report.Backups
}

// counted is what users have been sent.
func (z *backedUp) counted(want driver.Instance) int64 {
	z.t.Helper()
	counters, err := z.Counters(z.t.Context(), want.ID)
	if err != nil || len(counters) != 1 {
		z.t.Fatalf("%+v, %v", counters, err)
	}
	return counters[0].Value - counters[0].Own
}

// restored is an order that is made of a backup.
func (z *backedUp) restored(of driver.Instance, id string) driver.Instance {
	copied := z.order()
	copied.Restore = &driver.Restore{From: of.BackupSource(), BackupID: id}
	return copied
}

// TestClusterSnapshots: snapshots are kept and listed, an instance is made of one with
// exactly its keys, they outlive the instance, and expire.
func TestClusterSnapshots(t *testing.T) {
	z, store := newBackedUp(t, "rk-snapshots")
	if is, err := z.Info(t.Context()); err != nil || !is.Engines[0].Backups || !is.Engines[0].Snapshots || !is.Engines[0].Drills {
		t.Fatalf("%+v, %v", is, err)
	}
	want := z.order()
	users := user(t, want, clustertest.Running(t, z, &want).Endpoint)
	if got := z.held(want); len(got) != 0 {
		t.Fatalf("before the first there are %+v", got)
	}
	large := make([]byte, 20<<20)
	_, _ = rand.Read(large)
	do(t, users, "SET", "n", strings.Repeat("1", 100))
	do(t, users, "SET", "large", large)
	before := z.counted(want)
	first := z.backup(want)
	if took := z.counted(want) - before; took > 1000 { // the answers to its log-in
		t.Errorf("a backup counts as %d bytes of users' traffic", took)
	}
	do(t, users, "DEL", "large")
	do(t, users, "SET", "n", 2)
	second := z.backup(want)
	do(t, users, "SET", "n", 3)
	got := z.held(want)
	if len(got) != 2 || got[0].ID != first.ID || got[1].ID != second.ID || !got[0].At.Equal(first.At) || got[0].Kind != "requested" ||
		got[0].SizeBytes < int64(len(large)) || got[0].StoredBytes < int64(len(large)) || got[1].SizeBytes == 0 || !got[0].FinishedAt.After(got[0].StartedAt) {
		t.Fatalf("there are %+v", got)
	}
	t.Logf("taken in %v and %v", got[0].FinishedAt.Sub(got[0].StartedAt), got[1].FinishedAt.Sub(got[1].StartedAt))
	z.nothingLeft(want)
	notReadable(t, filepath.Join(store.Data, want.ID))
	if err := z.Remove(t.Context(), want.ID); err != nil {
		t.Fatal(err)
	}
	for id, n := range map[string]string{first.ID: strings.Repeat("1", 100), second.ID: "2"} {
		copied := z.restored(want, id)
		copied.Credentials[0].Login = "bob"
		from := time.Now()
		at := clustertest.Running(t, z, &copied).Endpoint
		t.Logf("restored within %v", time.Since(from))
		conn := user(t, copied, at)
		if got, err := redis.String(conn.Do("GET", "n")); err != nil || got != n {
			t.Errorf("restored %q, %v; want %q", got, err, n)
		}
		keys := map[string]int{first.ID: 2, second.ID: 1}[id]
		if got, err := redis.Int(conn.Do("DBSIZE")); err != nil || got != keys {
			t.Errorf("%d keys were restored, %v; want %d", got, err, keys)
		}
		if got, err := redis.Bytes(conn.Do("GET", "large")); id == first.ID && (err != nil || string(got) != string(large)) {
			t.Errorf("%d bytes were restored, %v", len(got), err)
		}
		if conn, err := dial(t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password); err == nil {
			conn.Close()
			t.Error("a log-in of where it comes from came in")
		}
		began := figure(t, conn, "run_id")
		do(t, conn, "SET", "n", 100)
		copied.Restore = nil // the control plane does not tell of it any more
		clustertest.Running(t, z, &copied)
		if got := figure(t, conn, "run_id"); got != began {
			t.Error("the server was started again")
		}
		if _, err := z.Stop(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if got, err := redis.Int(user(t, copied, clustertest.Running(t, z, &copied).Endpoint).Do("GET", "n")); err != nil || got != 100 {
			t.Errorf("after a restart there is %d, %v", got, err)
		}
	}
	for i, id := range []string{first.ID, second.ID} {
		for range 2 { // what is not there is gone
			if err := z.ExpireBackup(t.Context(), want.BackupSource(), id, i == 1); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(z.held(want)); n != 1-i {
			t.Errorf("after %d expired %d are left", i+1, n)
		}
	}
	if left, err := os.ReadDir(filepath.Join(store.Data, want.ID)); err == nil && len(left) > 0 {
		t.Errorf("in the bucket there is left %v", left)
	}
}

// nothingLeft: no task, no key to the backups is in the cluster any more.
func (z *backedUp) nothingLeft(want driver.Instance) {
	z.t.Helper()
	p := clustertest.NewPerson(z.t)
	for _, kind := range []schema.GroupVersionResource{{Group: "batch", Version: "v1", Resource: "jobs"}, secretsKind, podsKind} {
		found, err := p.In(kind, want.ID).List(z.t.Context(), metav1.ListOptions{})
		if err != nil {
			z.t.Fatal(err)
		}
		for i := range found.Items {
			if name := found.Items[i].GetName(); strings.HasPrefix(name, backupTask) && name != kubernetes.BackupSecret {
				z.t.Errorf("%s %s is left", kind.Resource, name)
			}
		}
	}
}

// notReadable: what users wrote is not in what is kept, as it was.
func notReadable(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "1111111111") {
			t.Errorf("%s is not encrypted", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestClusterSnapshotsOfAnInstanceForNobody: where nobody may connect backups are taken
// all the same, and nobody gets in.
func TestClusterSnapshotsOfAnInstanceForNobody(t *testing.T) {
	z, _ := newBackedUp(t, "rk-snapshots-nobody")
	want := z.order()
	at := clustertest.Running(t, z, &want).Endpoint
	users := user(t, want, at)
	do(t, users, "SET", "n", 1)
	want.AllowedNetworks, want.Generation = nil, want.Generation+1
	clustertest.Running(t, z, &want)
	if _, err := users.Do("PING"); err == nil {
		t.Error("a session goes on")
	}
	o := z.backup(want)
	if conn, err := dial(t.Context(), at, want.Credentials[0].Login, want.Credentials[0].Password); err == nil {
		conn.Close()
		t.Error("a user came in")
	}
	copied := z.restored(want, o.ID)
	if n, err := redis.Int(user(t, copied, clustertest.Running(t, z, &copied).Endpoint).Do("GET", "n")); err != nil || n != 1 {
		t.Errorf("restored %d, %v", n, err)
	}
}

// TestClusterSnapshotsThatCannotBeRestored: it is said of a backup that is damaged, gone,
// or not of that key, and of a point in time.
func TestClusterSnapshotsThatCannotBeRestored(t *testing.T) {
	z, store := newBackedUp(t, "rk-snapshots-bad")
	want := z.order()
	users := user(t, want, clustertest.Running(t, z, &want).Endpoint)
	do(t, users, "SET", "n", 1)
	damagedOne, goneOne, lockedOne := z.backup(want), z.backup(want), z.backup(want)
	store.Spoil(filepath.Join(want.ID, "redis", damagedOne.ID), "/data/")
	for name, test := range map[string]struct {
		change func(*driver.Instance)
		says   string
	}{
		"damaged": {func(i *driver.Instance) { i.Restore.BackupID = damagedOne.ID }, "damaged"},
		"gone": {func(i *driver.Instance) {
			i.Restore.BackupID = goneOne.ID
			if err := os.RemoveAll(filepath.Join(store.Data, want.ID, "redis", goneOne.ID)); err != nil {
				t.Error(err)
			}
		}, "not there any more"},
		"of another key":  {func(i *driver.Instance) { i.Restore.BackupID, i.Restore.From.Key = lockedOne.ID, "another-key" }, "damaged"},
		"a point in time": {func(i *driver.Instance) { i.Restore.BackupID, i.Restore.Time = lockedOne.ID, time.Now() }, "no point in time"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := clusterKept()
			clustertest.Removed(t, z, copied.ID)
			copied.Restore = &driver.Restore{From: want.BackupSource()}
			test.change(&copied)
			var blocked *driver.BlockedError
			clustertest.Until(t, z, &copied, func(_ driver.Observation, err error) bool { return errors.As(err, &blocked) })
			if !blocked.Permanent || !strings.Contains(blocked.Message, test.says) || strings.Contains(blocked.Message, store.Place.Endpoint) {
				t.Errorf("it says %+v", blocked)
			}
		})
	}
	if n := len(z.held(want)); n != 2 {
		t.Errorf("%d backups are there", n)
	}
	if n, err := redis.Int(users.Do("GET", "n")); err != nil || n != 1 {
		t.Errorf("the instance itself has %d, %v", n, err)
	}
}

// TestClusterSnapshotPlaceAway: a backup fails in plain words while the place is away, and
// is taken under the same name once it is back; the instance serves meanwhile. One during
// which it goes away for a while comes to its end by itself.
func TestClusterSnapshotPlaceAway(t *testing.T) {
	z, store := newBackedUp(t, "rk-snapshots-away")
	want := z.order()
	users := user(t, want, clustertest.Running(t, z, &want).Endpoint)
	do(t, users, "SET", "n", 1)
	store.Stop()
	o := anOrder()
	var blocked *driver.BlockedError
	if err := z.TakeBackup(t.Context(), want, o); !errors.As(err, &blocked) || blocked.BlockedBy != "operator" || blocked.Permanent || !strings.Contains(blocked.Message, "place for backups") {
		t.Errorf("taken: %v", err)
	}
	if _, err := z.Backups(t.Context(), want.BackupSource()); !errors.As(err, &blocked) {
		t.Errorf("listed: %v", err)
	}
	do(t, users, "SET", "n", 2)
	store.Start()
	taken := make(chan error, 1)
	go func() { taken <- z.TakeBackup(t.Context(), want, o) }()
	p := clustertest.NewPerson(t)
	for { // the server hands its data over before the place is needed
		found, err := p.In(podsKind, want.ID).List(t.Context(), metav1.ListOptions{LabelSelector: "batch.kubernetes.io/job-name=" + backupTask})
		if err == nil && len(found.Items) > 0 && kubernetes.PhaseOf(&found.Items[0]) == "Running" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	store.Stop()
	time.Sleep(10 * time.Second) // for which restic finds no place
	store.Start()
	select {
	case err := <-taken:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(clustertest.Long):
		t.Fatal("the backup does not come to its end")
	}
	if got := z.held(want); len(got) != 1 || got[0].ID != o.ID {
		t.Errorf("there are %+v", got)
	}
}

// TestClusterSnapshotKeyWrong says plainly that the place cannot be used.
func TestClusterSnapshotKeyWrong(t *testing.T) {
	wrong := *storeForPods(t).Place
	wrong.SecretKey = "a-guess"
	d := cluster(t, "rk-snapshots-wrong", keptAt(&wrong))
	t.Cleanup(func() { d.Close() })
	z := &backedUp{d, t}
	want := z.order()
	users := user(t, want, clustertest.Running(t, z, &want).Endpoint)
	var blocked *driver.BlockedError
	if err := z.TakeBackup(t.Context(), want, anOrder()); !errors.As(err, &blocked) || blocked.BlockedBy != "operator" || strings.Contains(blocked.Message, "a-guess") {
		t.Errorf("taken: %v", err)
	}
	do(t, users, "SET", "n", 1)
}

// TestClusterSnapshotImageWithoutRestic says who has to act.
func TestClusterSnapshotImageWithoutRestic(t *testing.T) {
	z, store := newBackedUp(t, "rk-snapshots-image")
	want := clusterKept()
	clustertest.Running(t, z, &want)
	z.Close()
	other, err := KubernetesEngine([]byte(`{"image": "registry.testbed/busybox:1", "version": "7"}`))
	if err != nil {
		t.Fatal(err)
	}
	d, err := clustertest.Open(t.Context(), "rk-snapshots-image", other, keptAt(store.Place))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	clustertest.Removed(t, d, want.ID)
	var blocked *driver.BlockedError
	if err := d.TakeBackup(t.Context(), want, anOrder()); !errors.As(err, &blocked) || blocked.BlockedBy != "operator" || !strings.Contains(blocked.Message, "no restic") {
		t.Errorf("taken: %v", err)
	}
}

// TestClusterSnapshotDrill restores a backup on trial in a cluster, and finds one that is
// damaged. What users delete takes no canary away.
func TestClusterSnapshotDrill(t *testing.T) {
	z, store := newBackedUp(t, "rk-snapshots-drill")
	want := z.order()
	users := user(t, want, clustertest.Running(t, z, &want).Endpoint)
	early, err := z.PutCanary(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	do(t, users, "FLUSHALL")
	do(t, users, "RPUSH", "list", "a", "b")
	o := z.backup(want)
	do(t, users, "FLUSHALL")
	if all, err := z.Canaries(t.Context(), want); err != nil || len(all) < 2 || all[0] != early {
		t.Errorf("there are %+v, %v", all, err)
	}
	passed := drilltest.Of(t, z.Driver, want, o.ID)
	m := passed.Measured
	if passed.Problem != "" || m == nil || m.PointInTime || m.Canaries < 2 || m.RestoreMillis <= 0 || len(m.Checks) != 2 || !strings.HasPrefix(m.Checks[0].Detail, "1 values in 1 databases") {
		t.Fatalf("of a backup that is whole: %+v, %+v", passed, m)
	}
	t.Logf("restored in %d ms, %d ms lost, %+v", m.RestoreMillis, m.LossMillis, m.Checks)
	store.Spoil(want.ID, "/data/")
	failed := drilltest.Of(t, z.Driver, want, o.ID)
	if !strings.Contains(failed.Problem, "damaged") || failed.Measured != nil {
		t.Errorf("of a damaged backup: %+v", failed)
	}
}
