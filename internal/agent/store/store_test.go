package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"souk/internal/agentapi"
	"souk/internal/driver"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)

func options(dir string) Options {
	return Options{Dir: dir, BootID: "boot", Now: func() time.Time { return start }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func reopen(t *testing.T, opt Options) *Store {
	t.Helper()
	s, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.db.Path() != "" {
			s.Close()
		}
	})
	if err := s.Begin("zone", 1); err != nil {
		t.Fatal(err)
	}
	return s
}

func order(id string, generation int64, intent agentapi.Intent) agentapi.DesiredEvent {
	return agentapi.DesiredEvent{Instance: &agentapi.Desired{
		Instance: driver.Instance{ID: id, Generation: generation, Credentials: []driver.Credential{{Login: "app", Password: "hidden-in-the-cache"}}},
		Intent:   intent,
	}}
}

func apply(t *testing.T, s *Store, listing bool, events ...agentapi.DesiredEvent) []string {
	t.Helper()
	l := Listing(listing)
	changed, err := s.Apply(events, &l)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func report(t *testing.T, s *Store, id string, state driver.State) {
	t.Helper()
	if err := s.Wait(s.Report(id, driver.Observation{State: state}, time.Time{})); err != nil {
		t.Fatal(err)
	}
}

func sequences(t *testing.T, s *Store) []uint64 {
	t.Helper()
	facts, err := s.Facts(1000)
	if err != nil {
		t.Fatal(err)
	}
	var all []uint64
	for _, fact := range facts {
		all = append(all, fact.Sequence)
	}
	return all
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	x, _ := json.Marshal(got)
	y, _ := json.Marshal(want)
	if !bytes.Equal(x, y) {
		t.Errorf("%s: got %s, want %s", what, x, y)
	}
}

func TestWhatIsAppliedOutlivesTheProcess(t *testing.T) {
	opt := options(t.TempDir())
	s := reopen(t, opt)
	event := order("db1", 7, agentapi.IntentActive)
	event.Instance.Parameters = map[string]any{"max": json.Number("9007199254740993"), "on": true}
	event.Token = "t1"
	expect(t, "changed", apply(t, s, false, event, agentapi.DesiredEvent{Clock: &agentapi.Clock{Offset: time.Hour}}), []string{"db1"})
	expect(t, "changed by a repeat", apply(t, s, false, event), nil)
	s.Close()

	s = reopen(t, opt)
	expect(t, "token", s.Token(), "t1")
	expect(t, "offset", s.Offset(), time.Hour)
	work, err := s.Load("db1")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "desired", work.Desired, *event.Instance)
	expect(t, "changed by a repeat", apply(t, s, false, event), nil)
}

func TestTheTokenOfAListCountsOnlyAtItsEnd(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	listing := Listing(true)
	first := order("db1", 1, agentapi.IntentActive)
	first.Token = "in the middle"
	if _, err := s.Apply([]agentapi.DesiredEvent{first}, &listing); err != nil || !bool(listing) {
		t.Fatal(listing, err)
	}
	expect(t, "token", s.Token(), "")
	if _, err := s.Apply([]agentapi.DesiredEvent{{Synced: true, Token: "end"}}, &listing); err != nil || bool(listing) {
		t.Fatal(listing, err)
	}
	expect(t, "token", s.Token(), "end")
}

func TestNothingReadableIsOnDisk(t *testing.T) {
	opt := options(t.TempDir())
	s := reopen(t, opt)
	apply(t, s, false, order("db1", 1, agentapi.IntentActive))
	report(t, s, "db1", driver.StateRunning)
	s.Close()
	text, err := os.ReadFile(filepath.Join(opt.Dir, "agent.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hidden-in-the-cache", "running"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%q is on disk in the clear", secret)
		}
	}
}

func TestAValueMovedElsewhereDoesNotOpen(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	apply(t, s, false, order("db1", 1, agentapi.IntentActive), order("db2", 1, agentapi.IntentActive))
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketDesired))
		return b.Put([]byte("db2"), bytes.Clone(b.Get([]byte("db1"))))
	})
	if err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	if _, err := s.Load("db2"); !errors.As(err, &corrupt) || corrupt.Key != "db2" || corrupt.Bucket != "desired" {
		t.Errorf("got %v", err)
	}
}

func TestFactsAreNumberedOnceAndWithoutGaps(t *testing.T) {
	opt := options(t.TempDir())
	s := reopen(t, opt)
	var reporters sync.WaitGroup
	for i := range 200 {
		reporters.Go(func() {
			if err := s.Wait(s.Report(fmt.Sprintf("db%d", i%20), driver.Observation{Generation: int64(i)}, time.Time{})); err != nil {
				t.Error(err)
			}
		})
	}
	reporters.Wait()
	if err := s.Acknowledge(150); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = reopen(t, opt)
	report(t, s, "db1", driver.StateRunning)
	var want []uint64
	for n := uint64(151); n <= 201; n++ {
		want = append(want, n)
	}
	expect(t, "outbox", sequences(t, s), want)
	if err := s.Acknowledge(201); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = reopen(t, opt)
	report(t, s, "db1", driver.StateStopped)
	expect(t, "outbox, emptied before", sequences(t, s), []uint64{202})
	if err := s.Acknowledge(203); !errors.Is(err, ErrAhead) {
		t.Errorf("acknowledging what was never made: %v", err)
	}
}

func TestAFailedWriteLeavesTheOthersInItsGroupAlone(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	broken := errors.New("broken")
	hold := make(chan struct{})
	held := s.writes.submit(func(*bolt.Tx) error { <-hold; return nil }) // gather the next three
	a := s.Report("db1", driver.Observation{State: driver.StateCreating}, time.Time{})
	b := s.writes.submit(func(*bolt.Tx) error { return broken })
	c := s.Report("db1", driver.Observation{State: driver.StateRunning}, time.Time{})
	close(hold)
	if err := errors.Join(<-held, <-a, <-c); err != nil {
		t.Fatal(err)
	}
	if err := <-b; !errors.Is(err, broken) {
		t.Errorf("the broken write ended with %v", err)
	}
	expect(t, "outbox", sequences(t, s), []uint64{1, 2})
}

func TestRemovalIsOneWriteWithItsFact(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	apply(t, s, false, order("db1", 3, agentapi.IntentPurged))
	work, err := s.Load("db1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ReportGone(work.Desired); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load("db1"); !errors.Is(err, ErrNotCached) {
		t.Errorf("after its removal: %v", err)
	}
	expect(t, "late order", apply(t, s, false, order("db1", 2, agentapi.IntentActive)), nil)
	expect(t, "repeat", apply(t, s, false, order("db1", 3, agentapi.IntentPurged)), nil)
	expect(t, "in a list, while the fact waits", apply(t, s, true, order("db1", 3, agentapi.IntentPurged)), nil)
	if err := s.Acknowledge(1); err != nil {
		t.Fatal(err)
	}
	expect(t, "in a list, though the fact was taken", apply(t, s, true, order("db1", 3, agentapi.IntentPurged)), []string{"db1"})
}

func TestANewEpochKeepsWhatWasNotAcknowledged(t *testing.T) {
	opt := options(t.TempDir())
	s := reopen(t, opt)
	event := order("db1", 9, agentapi.IntentActive)
	event.Token = "t1"
	apply(t, s, false, event)
	for range 3 {
		report(t, s, "db1", driver.StateRunning)
	}
	if err := s.Acknowledge(1); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin("zone", 2); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin("zone", 2); err != nil { // a repeat
		t.Fatal(err)
	}
	report(t, s, "db1", driver.StateStopped)
	expect(t, "outbox", sequences(t, s), []uint64{1, 2, 3})
	expect(t, "token", s.Token(), "")
	expect(t, "an older generation in the new epoch", apply(t, s, false, order("db1", 1, agentapi.IntentActive)), []string{"db1"})
	if err := s.Begin("other", 3); err == nil {
		t.Error("another zone's agent may use the folder")
	}
}

func TestTheCacheGetsANewKey(t *testing.T) {
	opt := options(t.TempDir())
	s := reopen(t, opt)
	for i := range 2500 {
		event := order(fmt.Sprintf("db%d", i), 1, agentapi.IntentActive)
		s.writes.submit(func(tx *bolt.Tx) error {
			_, err := s.applyInstance(tx, *event.Instance, false)
			return err
		})
	}
	report(t, s, "db1", driver.StateRunning)
	s.Close()

	opt.KeyMaxAge = time.Hour
	opt.Now = func() time.Time { return start.Add(2 * time.Hour) }
	s = reopen(t, opt)
	if len(s.ring.keys) != 1 || s.ring.current().ID != 2 {
		t.Fatalf("keys %v", s.ring.aead)
	}
	damaged, err := s.Damaged()
	if err != nil || len(damaged) != 0 {
		t.Errorf("damaged: %v, %v", damaged, err)
	}
	expect(t, "outbox", sequences(t, s), []uint64{1})
	s.Close()

	// Cut short after the key was added.
	ring, err := loadKeyring(filepath.Join(opt.Dir, "cache-keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.add(opt.Now()); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, opt)
	if len(s.ring.keys) != 1 || s.ring.current().ID != 3 {
		t.Errorf("the renewal was not finished: %d keys", len(s.ring.keys))
	}
	if _, err := s.Load("db7"); err != nil {
		t.Error(err)
	}
}

func TestAMissingKeyFileIsExplained(t *testing.T) {
	opt := options(t.TempDir())
	reopen(t, opt).Close()
	if err := os.Remove(filepath.Join(opt.Dir, "cache-keys.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opt); err == nil {
		t.Fatal("a new key was made beside a cache that it cannot read")
	}
}

func TestADamagedDatabaseIsExplained(t *testing.T) {
	opt := options(t.TempDir())
	reopen(t, opt).Close()
	if err := os.WriteFile(filepath.Join(opt.Dir, "agent.db"), bytes.Repeat([]byte("x"), 64<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opt); err == nil {
		t.Fatal("it was opened")
	}
}

func TestAClosedStoreAnswers(t *testing.T) {
	s := reopen(t, options(t.TempDir()))
	s.Close()
	if err := s.Wait(s.Report("db1", driver.Observation{}, time.Time{})); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
