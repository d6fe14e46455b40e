//go:build e2e

package redis

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes/clustertest"
)

func (z *backedUp) rewound(want *driver.Instance, number int64, backup string) driver.Observation {
	z.t.Helper()
	from := time.Now()
	seen := clustertest.Rewound(z.t, z, &clusterEngine{}, want, number, backup, time.Time{})
	z.t.Logf("restored in place within %v: %+v", time.Since(from), seen.Interruption)
	return seen
}

// holdsOnly: of all restores in place so far only that is left which the one of the
// number has made.
func (z *backedUp) holdsOnly(want driver.Instance, number int64) {
	z.t.Helper()
	e := (&clusterEngine{}).MadeBy(number).(*clusterEngine)
	p := clustertest.NewPerson(z.t)
	wanted := map[schema.GroupVersionResource][]string{e.Kind(): {e.set()}, secretsKind: {e.conf()}, clustertest.Core("services"): nil}
	if want.ServiceLevel == driver.Guaranteed {
		wanted[clustertest.Core("services")] = e.memberNames()
	}
	for kind, names := range wanted {
		var there []string
		for end := time.Now().Add(clustertest.Long); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			if there = z.namedRedis(p.In(kind, want.ID)); slices.Equal(there, names) {
				break // the cluster clears away by itself
			}
		}
		if !slices.Equal(there, names) {
			z.t.Errorf("of %s there are %v, want %v", kind.Resource, there, names)
		}
	}
}

// namedRedis are those objects of a kind that are named so.
func (z *backedUp) namedRedis(of dynamic.ResourceInterface) (names []string) {
	z.t.Helper()
	found, err := of.List(z.t.Context(), metav1.ListOptions{})
	if err != nil {
		z.t.Fatal(err)
	}
	for i := range found.Items {
		if name := found.Items[i].GetName(); strings.HasPrefix(name, "redis") {
			names = append(names, name)
		}
	}
	return names
}

// number is what users find under n.
func number(t *testing.T, want driver.Instance, at *driver.Endpoint) int {
	t.Helper()
	n, err := redis.Int(user(t, want, at).Do("GET", "n"))
	if err != nil {
		t.Error(err)
	}
	return n
}

// TestClusterSnapshotsRestoredInPlace restores an instance in place to one snapshot and
// back to another; clients find it where it was, and nothing else is left.
func TestClusterSnapshotsRestoredInPlace(t *testing.T) {
	for level, want := range map[string]driver.Instance{"one member": clusterKept(), "guaranteed": clusterKept()} {
		t.Run(level, func(t *testing.T) {
			z, _ := newBackedUp(t, "rk-in-place-"+level[:3])
			if is, err := z.Info(t.Context()); err != nil || !is.Engines[0].InPlace {
				t.Fatalf("%+v, %v", is, err)
			}
			if level == driver.Guaranteed {
				want.ServiceLevel = driver.Guaranteed
			}
			clustertest.Removed(t, z.Driver, want.ID)
			at := clustertest.Running(t, z, &want).Endpoint
			do(t, user(t, want, at), "SET", "n", 1)
			first := z.backup(want)
			do(t, user(t, want, at), "SET", "n", 2)
			safety := z.backup(want)
			for i, to := range []struct {
				backup string
				n      int
			}{{first.ID, 1}, {safety.ID, 2}} {
				done := int64(i + 1)
				seen := z.rewound(&want, done, to.backup)
				if seen.Rewound.Problem != "" || *seen.Endpoint != *at || seen.Interruption == nil || seen.Interruption.Generation != want.Generation {
					t.Errorf("%+v, %+v, %+v", seen.Rewound, seen.Endpoint, seen.Interruption)
				}
				if n := number(t, want, at); n != to.n {
					t.Errorf("there is %d, want %d", n, to.n)
				}
				do(t, user(t, want, at), "SET", "n", 10+to.n)
				z.holdsOnly(want, done)
			}
			if _, err := z.Stop(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if want.Generation++; *clustertest.Running(t, z, &want).Endpoint != *at || number(t, want, at) != 12 {
				t.Error("after a stop it is another")
			}
			last := z.backup(want)
			copied := z.restored(want, last.ID)
			if n := number(t, copied, clustertest.Running(t, z, &copied).Endpoint); n != 12 {
				t.Errorf("a copy has %d", n)
			}
			if n := len(z.held(want)); n != 3 {
				t.Errorf("%d backups are listed", n)
			}
		})
	}
}

// TestClusterSnapshotsRestoredInPlaceToNoAvail has the data from before serve on, or come
// back, where a snapshot cannot be restored, and says why.
func TestClusterSnapshotsRestoredInPlaceToNoAvail(t *testing.T) {
	z, store := newBackedUp(t, "rk-in-place-bad")
	want := z.order()
	at := clustertest.Running(t, z, &want).Endpoint
	do(t, user(t, want, at), "SET", "n", 1)
	damagedOne, whole := z.backup(want), z.backup(want)
	do(t, user(t, want, at), "SET", "n", 2)
	serves := func(seen driver.Observation, says string) {
		t.Helper()
		if n := number(t, want, at); n != 2 || !strings.Contains(seen.Rewound.Problem, says) || *seen.Endpoint != *at {
			t.Errorf("%d after %+v", n, seen.Rewound)
		}
		do(t, user(t, want, at), "SET", "n", 2)
		z.holdsOnly(want, 0)
	}
	serves(z.rewound(&want, 1, uuid.NewString()), "not there any more")
	store.Spoil(filepath.Join(want.ID, "redis", damagedOne.ID), "/data/")
	serves(z.rewound(&want, 2, damagedOne.ID), "damaged")

	store.Stop()
	want.Rewind = &driver.Rewind{Number: 3, Restore: driver.Restore{From: want.BackupSource(), BackupID: whole.ID}}
	var blocked *driver.BlockedError
	clustertest.Until(t, z, &want, func(_ driver.Observation, err error) bool { return errors.As(err, &blocked) })
	if blocked.Permanent || number(t, want, at) != 2 {
		t.Errorf("with the place for backups away: %v", blocked)
	}
	store.Start()

	p := clustertest.NewPerson(t)
	begin := func(number int64) {
		want.Generation++
		want.Rewind = &driver.Rewind{Number: number, Restore: driver.Restore{From: want.BackupSource(), BackupID: whole.ID}}
		clustertest.Until(t, z, &want, func(driver.Observation, error) bool { return p.Holds(&clusterEngine{}, &want, 2) })
	}
	begin(3)
	want.Rewind = nil // while it is restored it is not wanted any more
	serves(clustertest.Until(t, z, &want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateRunning && seen.Rewound != nil && seen.Rewound.Number == 3
	}), "given up")

	begin(4)
	stopped, err := z.Stop(t.Context(), want) // while it is restored
	if err != nil || stopped.Rewound == nil || !strings.Contains(stopped.Rewound.Problem, "stopped") || !p.Holds(&clusterEngine{}, &want, 1) {
		t.Errorf("stopped: %+v, %v", stopped.Rewound, err)
	}
	if clustertest.Running(t, z, &want); number(t, want, at) != 2 {
		t.Error("what there was is gone")
	}
}
