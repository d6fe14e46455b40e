//go:build e2e

package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"souk/internal/driver"
	"souk/internal/driver/kubernetes"
	"souk/internal/driver/kubernetes/clustertest"
)

// guaranteedOrder is what is wanted of a new instance with three members.
func guaranteedOrder() driver.Instance {
	want := clusterOrder()
	want.ServiceLevel = driver.Guaranteed
	return want
}

// writer writes numbers one after the other, and remembers which were acknowledged.
type writer struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	acked []acknowledged
	last  error
}

type acknowledged struct {
	n  int
	at time.Time
}

func newWriter(t *testing.T, want driver.Instance, at *driver.Endpoint) *writer {
	ctx, cancel := context.WithCancel(t.Context())
	w := &writer{cancel: cancel, ended: make(chan struct{})}
	t.Cleanup(w.stop)
	go func() {
		defer close(w.ended)
		for n := 0; ctx.Err() == nil; n++ {
			n = w.write(ctx, want, at, n)
		}
	}()
	return w
}

// write writes from n on over one connection until one is not acknowledged, which it returns.
func (w *writer) write(ctx context.Context, want driver.Instance, at *driver.Endpoint, n int) int {
	patience, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := dial(patience, at, want.Credentials[0].Login, want.Credentials[0].Password)
	if err != nil {
		w.note(0, err)
		pause(ctx, 20*time.Millisecond)
		return n
	}
	defer conn.Close()
	for ; ctx.Err() == nil; n++ {
		if _, err := redis.DoWithTimeout(conn, 2*time.Second, "RPUSH", "written", n); err != nil {
			w.note(0, err)
			pause(ctx, 20*time.Millisecond)
			return n
		}
		w.note(n, nil)
		pause(ctx, 2*time.Millisecond)
	}
	return n
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (w *writer) note(n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last = err; err == nil {
		w.acked = append(w.acked, acknowledged{n, time.Now()})
	}
}

func (w *writer) stop() { w.cancel(); <-w.ended }

// outage is the longest time between two writes that were acknowledged, and when it began.
func (w *writer) outage() (longest time.Duration, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := 1; i < len(w.acked); i++ {
		if d := w.acked[i].at.Sub(w.acked[i-1].at); d > longest {
			longest, from = d, w.acked[i-1].at
		}
	}
	return longest, from
}

// reaches waits until something was acknowledged that was written after a moment.
func (w *writer) reaches(t *testing.T, after time.Time) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		w.mu.Lock()
		ok := len(w.acked) > 0 && w.acked[len(w.acked)-1].at.After(after)
		w.mu.Unlock()
		if ok {
			return
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Fatalf("nothing is acknowledged any more: %v", w.last)
}

// lost are the acknowledged writes that are not there.
func (w *writer) lost(t *testing.T, conn redis.Conn) (lost []acknowledged) {
	t.Helper()
	there, err := redis.Ints(conn.Do("LRANGE", "written", 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	have := map[int]bool{}
	for _, n := range there {
		have[n] = true
	}
	for _, a := range w.acked {
		if !have[a.n] {
			lost = append(lost, a)
		}
	}
	return lost
}

func primaryOf(seen driver.Observation) string {
	i := slices.IndexFunc(seen.Members, func(m driver.Member) bool { return m.Role == driver.RolePrimary })
	if i < 0 {
		return ""
	}
	return seen.Members[i].Name
}

// members is an instance with three members under a client that writes, and an agent's eye.
type members struct {
	*kubernetes.Driver
	t    *testing.T
	p    *clustertest.Person
	want driver.Instance
	seen driver.Observation
}

func newMembers(t *testing.T, zone string) *members {
	t.Helper()
	d := cluster(t, zone)
	t.Cleanup(func() { d.Close() })
	m := &members{Driver: d, t: t, p: clustertest.NewPerson(t), want: guaranteedOrder()}
	clustertest.Removed(t, d, m.want.ID)
	began := time.Now()
	m.seen = clustertest.Running(t, d, &m.want)
	t.Logf("ready after %v", time.Since(began).Round(time.Second))
	return m
}

// on is the instance for a test within the test.
func (m *members) on(t *testing.T) *members {
	return &members{m.Driver, t, clustertest.NewPerson(t), m.want, m.seen}
}

// whole waits until all members are as they should be again.
func (m *members) whole() driver.Observation {
	m.t.Helper()
	return clustertest.Until(m.t, m, &m.want, func(seen driver.Observation, err error) bool {
		return err == nil && seen.State == driver.StateRunning && seen.Generation == m.want.Generation
	})
}

// kill ends pods at once.
func (m *members) kill(names ...string) {
	m.t.Helper()
	var now int64
	for _, name := range names {
		if err := m.p.In(clustertest.Core("pods"), m.want.ID).Delete(m.t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			m.t.Fatal(err)
		}
	}
}

// bound has a quota of somebody's, named two, allow so many pods.
func (m *members) bound(pods int) {
	m.t.Helper()
	quotas := m.p.In(clustertest.Core("resourcequotas"), m.want.ID)
	two := kubernetes.Object("v1", "ResourceQuota", "souk-"+m.want.ID, "two", nil, map[string]any{"spec": map[string]any{"hard": map[string]any{"pods": strconv.Itoa(pods)}}})
	if _, err := quotas.Create(m.t.Context(), two, metav1.CreateOptions{}); err != nil {
		m.t.Fatal(err)
	}
	for end := time.Now().Add(clustertest.Long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		now, err := quotas.Get(m.t.Context(), "two", metav1.GetOptions{})
		if err != nil {
			m.t.Fatal(err)
		}
		if used, _, _ := unstructured.NestedString(now.Object, "status", "used", "pods"); used != "" {
			return // from now on it is in force
		}
	}
	m.t.Fatal("the quota does not come into force")
}

// started are when the pods were made, by name.
func (m *members) started() map[string]time.Time {
	m.t.Helper()
	found, err := m.p.In(clustertest.Core("pods"), m.want.ID).List(m.t.Context(), metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	at := map[string]time.Time{}
	for i := range found.Items {
		at[found.Items[i].GetName()] = found.Items[i].GetCreationTimestamp().Time
	}
	return at
}

// TestClusterMembersLost has an instance with three members lose its primary's pod, which
// comes back or does not, and all pods, while a client writes. What it was told is kept
// is there afterwards, but for the last moment before another member took over. Nobody
// needs an agent for that.
func TestClusterMembersLost(t *testing.T) {
	m := newMembers(t, "rk-members")
	domains := map[string]bool{}
	for _, is := range m.seen.Members {
		domains[is.FailureDomain] = is.Ready
	}
	if len(domains) != guaranteedMembers || primaryOf(m.seen) != "redis-0" {
		t.Fatalf("%+v", m.seen.Members)
	}
	for _, test := range []struct {
		name   string
		lose   func(primary string)
		back   func()
		within time.Duration
	}{
		{"the primary's pod killed", func(primary string) { m.kill(primary) }, func() {}, 20 * time.Second},
		{"the primary gone", func(primary string) {
			m.bound(2)
			m.kill(primary)
		}, func() {
			clustertest.Until(t, m, &m.want, func(seen driver.Observation, err error) bool {
				return err == nil && seen.State == driver.StateDegraded && strings.Contains(seen.Message, "2 of 3 members")
			})
			m.p.Gone(clustertest.Core("resourcequotas"), m.want.ID, "two")
		}, 20 * time.Second},
		{"all pods killed", func(string) { m.kill(firstMembers...) }, func() {}, 40 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := m.whole()
			do(t, user(t, m.want, before.Endpoint), "DEL", "written")
			w := newWriter(t, m.want, before.Endpoint)
			w.reaches(t, time.Now().Add(time.Second))
			lost := time.Now()
			test.lose(primaryOf(before))
			w.reaches(t, lost.Add(2*time.Second))
			longest, from := w.outage()
			test.back()
			after := m.whole()
			whole := time.Since(lost)
			w.stop()
			t.Logf("no write for %v; whole after %v, %s leads after %s", longest.Round(10*time.Millisecond), whole.Round(time.Second), primaryOf(after), primaryOf(before))
			m.on(t).compare(w, longest, from)
			if longest > test.within {
				t.Errorf("no write for %v", longest)
			}
		})
	}
}

// TestClusterMembersChange restarts members, the primary last, gives them another size and
// settings, and stops them; no write is lost by that, and replicas are as the primary.
func TestClusterMembersChange(t *testing.T) {
	m := newMembers(t, "rk-change")
	tends := func() { m.want.Generation++ }
	w := newWriter(t, m.want, m.seen.Endpoint)
	w.reaches(t, time.Now())
	before, primary := m.started(), primaryOf(m.seen)
	tends()
	m.want.Restart = 1
	began := time.Now()
	after := m.whole()
	longest, _ := w.outage()
	restarted := m.started()
	for name, at := range restarted {
		if !at.After(before[name]) || name != primary && at.After(restarted[primary]) {
			t.Errorf("%s, of which %s is the primary: started at %v, before at %v", name, primary, restarted, before)
		}
	}
	if primaryOf(after) == primary || after.Interruption == nil {
		t.Errorf("%s leads, measured was %+v", primaryOf(after), after.Interruption)
	} else {
		t.Logf("restarted in %v; away for %v, as a client saw it for %v", time.Since(began).Round(time.Second), after.Interruption.Until.Sub(after.Interruption.From).Round(10*time.Millisecond), longest.Round(10*time.Millisecond))
	}

	tends()
	m.want.Plan.MemoryMiB, m.want.Parameters = 192, map[string]any{"maxmemory-policy": "allkeys-lru"}
	m.want.Credentials = append(m.want.Credentials, driver.Credential{ID: "b", Login: "bob", Password: "another-password"})
	after = m.whole()
	w.stop()
	conn := user(t, m.want, after.Endpoint)
	if gone := w.lost(t, conn); len(gone) > 0 {
		t.Errorf("of %d acknowledged writes %d are lost by changes", len(w.acked), len(gone))
	}
	m.replicasAreAsThePrimary(after)
	m.watchesAndReplicasAreNotBilled(after)

	tends()
	if stopped, err := m.Stop(t.Context(), m.want); err != nil || stopped.State != driver.StateStopped {
		t.Fatalf("%+v, %v", stopped, err)
	}
	tends()
	m.want.AllowedNetworks = nil
	after = m.whole()
	if conn, err := dial(t.Context(), after.Endpoint, "alice", m.want.Credentials[0].Password); err == nil {
		conn.Close()
		t.Error("somebody came in where nobody may")
	}
	tends()
	m.want.AllowedNetworks = []string{"0.0.0.0/0"}
	after = m.whole()
	if gone := w.lost(t, user(t, m.want, after.Endpoint)); len(gone) > 0 {
		t.Errorf("%d writes are lost by a stop", len(gone))
	}
}

// replicasAreAsThePrimary: each member has the settings and log-ins that are wanted, and
// users can write to no channel of the Sentinels'.
func (m *members) replicasAreAsThePrimary(seen driver.Observation) {
	t := m.t
	conn := user(t, m.want, seen.Endpoint)
	if got := figure(t, conn, "maxmemory"); got != fmt.Sprint(memoryFor(m.want.Plan.MemoryMiB)) {
		t.Errorf("maxmemory %s", got)
	}
	for end := time.Now().Add(clustertest.Long); figure(t, conn, "connected_slaves") != "2"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) { // who was well a moment ago may be connecting again
			t.Fatalf("there is %s", do(t, conn, "INFO", "replication"))
		}
	}
	if _, err := conn.Do("PUBLISH", "__sentinel__:hello", "x"); err == nil {
		t.Error("a user speaks to the Sentinels")
	}
	do(t, conn, "PUBLISH", "news", "x")
	do(t, conn, "PUBLISH", "__keyspace@0__:k", "x")
	do(t, conn, "PSUBSCRIBE", "n*s")
	m.kill(primaryOf(seen)) // whoever leads next lets bob in
	after := m.whole()
	bob, err := dial(t.Context(), after.Endpoint, "bob", "another-password")
	if err != nil {
		t.Fatal(err)
	}
	bob.Close()
}

// watchesAndReplicasAreNotBilled: what clients read is counted, what replicas and Sentinels
// do is not.
func (m *members) watchesAndReplicasAreNotBilled(seen driver.Observation) {
	t := m.t
	conn := user(t, m.want, seen.Endpoint)
	read := func() int64 {
		t.Helper()
		told, err := m.Counters(t.Context(), m.want.ID)
		if err != nil || len(told) != 1 {
			t.Fatalf("%+v, %v", told, err)
		}
		return told[0].Value - told[0].Own
	}
	first, began := read(), time.Now()
	do(t, conn, "SET", "large", strings.Repeat("x", 1<<20))
	time.Sleep(21 * time.Second) // two rounds of what Sentinels ask
	counted := read() - first
	t.Logf("beside what is left out for Sentinels, %.0f bytes a second were counted", float64(counted)/time.Since(began).Seconds())
	if counted > 10<<10 {
		t.Errorf("%d were counted in %v, and nobody read", counted, time.Since(began))
	}
	for range 10 {
		do(t, conn, "GET", "large")
	}
	if counted := read() - first; counted < 9<<20 || counted > 11<<20 {
		t.Errorf("10 MiB were read, and %d counted", counted)
	}
}

// TestClusterMembersDataLost: the volume of one member is filled from the others, also of
// the primary; that all are gone is said, and nothing is begun anew.
func TestClusterMembersDataLost(t *testing.T) {
	m := newMembers(t, "rk-members-lost")
	conn := user(t, m.want, m.seen.Endpoint)
	do(t, conn, "SET", "kept", "yes")
	do(t, conn, "WAIT", 2, 5000)
	claims, pods := clustertest.Core("persistentvolumeclaims"), clustertest.Core("pods")
	lose := func(names ...string) {
		for _, name := range names {
			if err := m.p.In(claims, m.want.ID).Delete(t.Context(), memberClaim(name), metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range names {
			m.p.Gone(pods, m.want.ID, name)
		}
	}
	for range 2 {
		primary := primaryOf(m.whole())
		for _, name := range []string{firstMembers[(slices.Index(firstMembers, primary)+1)%guaranteedMembers], primary} {
			began := time.Now()
			lose(name)
			seen := m.whole()
			t.Logf("%s of %s lost its volume; whole after %v", name, primary, time.Since(began).Round(time.Second))
			if v, err := redis.String(user(t, m.want, seen.Endpoint).Do("GET", "kept")); err != nil || v != "yes" {
				t.Fatalf("%q is left, %v", v, err)
			}
		}
	}
	lose(firstMembers...)
	clustertest.Until(t, m, &m.want, func(_ driver.Observation, err error) bool { return errors.Is(err, driver.ErrDataLost) })
}

// TestClusterMembersSnapshots: a snapshot is taken of a replica, without the Sentinels
// taking the pod that does it for one, and an instance with three members is made of it.
func TestClusterMembersSnapshots(t *testing.T) {
	z, _ := newBackedUp(t, "rk-members-snapshots")
	order := func() driver.Instance {
		want := z.order()
		want.ServiceLevel = driver.Guaranteed
		return want
	}
	want := order()
	seen := clustertest.Running(t, z, &want)
	conn := user(t, want, seen.Endpoint)
	do(t, conn, "SET", "kept", "yes")
	do(t, conn, "WAIT", 2, 5000)
	before := figure(t, conn, "sync_full")
	taken := z.backup(want)
	if after := figure(t, conn, "sync_full"); after != before {
		t.Errorf("the primary was copied %s times, and %s before", after, before)
	}
	copied := order()
	copied.Restore = &driver.Restore{From: want.BackupSource(), BackupID: taken.ID}
	conn = user(t, copied, clustertest.Running(t, z, &copied).Endpoint)
	if v, err := redis.String(conn.Do("GET", "kept")); err != nil || v != "yes" {
		t.Errorf("%q is restored, %v", v, err)
	}
	if got := figure(t, conn, "connected_slaves"); got != "2" {
		t.Errorf("%s replicas", got)
	}
}
