package backups

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/backup"
	"souk/internal/driver"
)

// place is a driver's place for backups, in memory.
type place struct {
	mu    sync.Mutex
	is    driver.BackupReport
	away  error // what every call ends with
	fails int   // so many backups fail
}

func (p *place) Backups(context.Context, driver.BackupSource) (driver.BackupReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := p.is
	is.Backups = slices.Clone(is.Backups)
	return is, p.away
}

func (p *place) TakeBackup(_ context.Context, _ driver.Instance, order driver.BackupOrder) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away != nil {
		return p.away
	}
	if p.fails > 0 {
		p.fails--
		return errors.New("no such luck")
	}
	p.is.Backups = append(p.is.Backups, driver.Backup{ID: order.ID, Kind: order.Kind, At: order.At})
	return nil
}

func (p *place) ExpireBackup(context.Context, driver.BackupSource, string, bool) error { return nil }

// bench is a keeper over one instance, with a clock that stands still.
type bench struct {
	*Keeper
	t     *testing.T
	place *place
	store *store.Store
	now   time.Time
	id    string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, place: &place{}, now: time.Date(2026, 7, 15, 12, 0, 0, 0, time.UTC), id: uuid.NewString()}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	b.store, err = store.Open(store.Options{Dir: t.TempDir(), BootID: "boot", Now: func() time.Time { return b.now }, Logger: log, KeyMaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	if err := b.store.Begin(uuid.NewString(), 1); err != nil {
		t.Fatal(err)
	}
	b.Keeper = New(Options{Driver: b.place, Store: b.store, Logger: log, Now: func() time.Time { return b.now },
		RetryMin: time.Millisecond, RetryMax: time.Second, Progress: time.Second, Look: 10 * time.Minute, First: time.Nanosecond})
	return b
}

// want has an instance wanted that runs, with these backups asked for.
func (b *bench) want(plan backup.Plan, take ...string) {
	b.t.Helper()
	listing := store.Listing(false)
	_, err := b.store.Apply([]agentapi.DesiredEvent{{Instance: &agentapi.Desired{
		Instance: driver.Instance{ID: b.id, Service: "postgresql", Generation: 1, Backup: &driver.BackupSettings{Key: "key"}},
		Intent:   agentapi.IntentActive, Backups: &agentapi.Backups{Plan: plan, Take: take},
	}}}, &listing)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.Wait(b.store.Report(b.id, driver.Observation{State: driver.StateRunning}, time.Time{})); err != nil {
		b.t.Fatal(err)
	}
}

// settle attends to the instance until nothing is due any more, and returns for
// how long.
func (b *bench) settle() time.Duration {
	b.t.Helper()
	for range 20 {
		n := b.attend(b.t.Context(), b.id)
		if !n.failed && n.after > time.Nanosecond {
			return n.after
		}
	}
	b.t.Fatal("there is no end to it")
	return 0
}

func (b *bench) ids() (all []string) {
	for _, each := range b.place.is.Backups {
		all = append(all, each.ID)
	}
	return all
}

// last is the last fact about backups in the outbox.
func (b *bench) last() agentapi.BackupFact {
	b.t.Helper()
	facts, err := b.store.Facts(agentapi.MaxFacts)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range slices.Backward(facts) {
		if f.Backups != nil {
			return *f.Backups
		}
	}
	b.t.Fatal("nothing was reported")
	return agentapi.BackupFact{}
}

var nightly = backup.Plan{At: "02:00", Zone: "UTC"}

func TestTheFirstBackupIsTakenAtOnceAndTheNextWhenDue(t *testing.T) {
	b := newBench(t)
	b.want(nightly)
	b.settle()
	if got := b.ids(); !slices.Equal(got, []string{backup.FirstID(b.id, "")}) {
		t.Fatalf("taken %v", got)
	}
	if wait := b.settle(); wait != 10*time.Minute || len(b.ids()) != 1 {
		t.Errorf("again after %s, %d backups", wait, len(b.ids()))
	}
	b.now = time.Date(2026, 7, 16, 1, 57, 0, 0, time.UTC)
	if wait := b.settle(); wait != 3*time.Minute {
		t.Errorf("looked at after %s, want when it is due", wait)
	}
	b.now = b.now.Add(3 * time.Minute)
	b.settle()
	if got := b.ids(); len(got) != 2 || got[1] != backup.ID(b.id, b.now) {
		t.Errorf("taken %v", got)
	}
}

// An agent that was away for days, or whose clock was moved, takes one backup and
// not one for each night.
func TestWhatWasMissedIsCaughtUpOnce(t *testing.T) {
	b := newBench(t)
	b.want(nightly)
	b.settle()
	if err := b.store.RaiseOffset(9 * 24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if got := b.ids(); len(got) != 2 {
		t.Errorf("taken %v", got)
	}
}

// What has been taken is known from the place itself: another agent takes nothing again.
func TestAnotherAgentTakesNothingTwice(t *testing.T) {
	b := newBench(t)
	b.want(nightly, "asked for")
	b.settle()
	before := b.ids()
	other := newBench(t)
	other.id, other.place = b.id, b.place
	other.Keeper.opt.Driver = b.place
	other.want(nightly, "asked for")
	other.settle()
	if got := b.ids(); !slices.Equal(got, before) || !slices.Contains(got, "asked for") {
		t.Errorf("taken %v, and then %v", before, got)
	}
}

func TestABackupThatWasAskedForIsGivenUpAndSaidSo(t *testing.T) {
	b := newBench(t)
	b.want(backup.Plan{Disabled: true}, "asked for")
	b.place.fails = attempts
	for range attempts {
		if n := b.attend(t.Context(), b.id); !n.failed {
			t.Fatalf("not tried again: %+v", n)
		}
	}
	if a := b.last().Attempts; len(a) != 1 || !a[0].GivenUp || a[0].Problem == "" {
		t.Errorf("reported %+v", a)
	}
	b.settle()
	if got := b.ids(); len(got) != 0 {
		t.Errorf("taken all the same: %v", got)
	}
}

func TestABackupOnScheduleIsTriedUntilItIsThere(t *testing.T) {
	b := newBench(t)
	b.want(nightly)
	b.place.fails = 3 * attempts
	for range 3 * attempts {
		b.attend(t.Context(), b.id)
	}
	if a := b.last().Attempts; len(a) != 1 || a[0].GivenUp || a[0].Problem == "" {
		t.Errorf("reported %+v", a)
	}
	b.settle()
	if got := b.ids(); len(got) != 1 {
		t.Errorf("taken %v", got)
	}
	if is := b.last(); len(is.Attempts) != 0 || len(is.Backups) != 1 {
		t.Errorf("reported at last %+v", is)
	}
}

func TestThePlaceThatIsAwayIsSaidAndNothingIsForgotten(t *testing.T) {
	b := newBench(t)
	b.want(nightly)
	b.settle()
	b.place.away = &driver.BlockedError{Message: "The place is away.", BlockedBy: "operator"}
	if n := b.attend(t.Context(), b.id); !n.failed {
		t.Errorf("not tried again: %+v", n)
	}
	if is := b.last(); is.Message != "The place is away." || len(is.Backups) != 1 {
		t.Errorf("reported %+v", is)
	}
}

func TestWhatHasNotChangedIsReportedOnce(t *testing.T) {
	b := newBench(t)
	b.want(nightly)
	b.settle()
	before, _ := b.store.Facts(agentapi.MaxFacts)
	b.place.is.Archiving = true
	for i := range 5 {
		b.place.is.ArchivedUntil = b.now.Add(time.Duration(i) * time.Minute)
		b.settle()
	}
	after, _ := b.store.Facts(agentapi.MaxFacts)
	if len(after) != len(before)+1 {
		t.Errorf("%d reports of the same", len(after)-len(before))
	}
}

func TestNothingIsTakenOfWhatDoesNotRun(t *testing.T) {
	b := newBench(t)
	listing := store.Listing(false)
	for _, intent := range []agentapi.Intent{agentapi.IntentActive, agentapi.IntentSuspended, agentapi.IntentDeleted} {
		_, err := b.store.Apply([]agentapi.DesiredEvent{{Instance: &agentapi.Desired{
			Instance: driver.Instance{ID: b.id, Generation: 1, Backup: &driver.BackupSettings{Key: "key"}}, Intent: intent, Backups: &agentapi.Backups{Plan: nightly},
		}}}, &listing)
		if err != nil {
			t.Fatal(err)
		}
		b.attend(t.Context(), b.id)
	}
	if got := b.ids(); len(got) != 0 {
		t.Errorf("taken %v", got)
	}
}
