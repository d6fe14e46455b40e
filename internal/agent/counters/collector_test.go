package counters

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/driver/fake"
)

// world is a zone of one instance, and an agent's records of it on a clock that is moved.
type world struct {
	*fake.Driver
	t         *testing.T
	now       time.Time
	offset    time.Duration
	ids       []string
	began     time.Time
	kept      map[Key]Account
	damaged   map[Key]bool
	told      []Used
	full      bool // nothing can be written
	broken    error
	collector *Collector
}

var counted = Key{"db1", "traffic-out"}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: noon, began: noon, ids: []string{"db1"}, kept: map[Key]Account{}}
	w.Driver = fake.New(fake.Config{Now: func() time.Time { return w.now }, Before: func(_ context.Context, op fake.Op, _ string) error {
		if op == fake.OpCounters {
			return w.broken
		}
		return nil
	}})
	w.run()
	w.restart()
	return w
}

// run has the engine run, anew where it was stopped.
func (w *world) run() {
	if _, err := w.Ensure(w.t.Context(), driver.Instance{ID: "db1"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) halt() {
	if _, err := w.Stop(w.t.Context(), driver.Instance{ID: "db1"}); err != nil {
		w.t.Fatal(err)
	}
}

// restart is another process of the agent.
func (w *world) restart() {
	w.collector = New(Options{Driver: w.Driver, Records: w, Interval: time.Minute, Now: func() time.Time { return w.now }, Logger: slog.New(slog.DiscardHandler)})
}

// pass lets so many minutes pass, and the collector look in each.
func (w *world) pass(minutes int) {
	for range minutes {
		w.now = w.now.Add(time.Minute)
		w.collector.Look(w.t.Context())
	}
}

func (w *world) use(n int64) { w.Count("db1", "traffic-out", n) }

func (w *world) sum() (n int64) {
	for _, u := range w.told {
		n += u.Quantity
	}
	return n
}

func (w *world) IDs() ([]string, error) { return w.ids, nil }
func (w *world) Accounts() (map[Key]Account, map[Key]bool, error) {
	known := map[Key]Account{}
	for k, a := range w.kept {
		if !w.damaged[k] {
			known[k] = a
		}
	}
	return known, w.damaged, nil
}
func (w *world) Began() time.Time                  { return w.began }
func (w *world) SoukTime(real time.Time) time.Time { return real.Add(w.offset) }
func (w *world) ReportUsage(all []Report) error {
	if w.full {
		return errors.New("the disk is full")
	}
	for _, r := range all {
		w.told, w.kept[r.Key] = append(w.told, r.Used...), r.Account
	}
	return nil
}

// Each hour is told once it is over, with all of it, also where nothing was used.
func TestHoursAreToldWhenTheyAreOver(t *testing.T) {
	w := newWorld(t)
	w.use(100)
	w.pass(59)
	if len(w.told) != 0 {
		t.Errorf("before the hour is over: %v", w.told)
	}
	w.pass(1)
	same(t, "the first hour", w.told, []Used{{noon, minute(60), 100}})
	w.pass(60)
	same(t, "nothing was used", w.told[1:], []Used{{minute(60), minute(120), 0}})
}

// What is counted while the agent is away is told when it is back, and only of what an
// engine counted that is there no more nothing is known.
func TestAgentIsAway(t *testing.T) {
	w := newWorld(t)
	w.use(100)
	w.pass(30)
	w.use(200)
	w.now = minute(150)
	w.restart()
	w.pass(31)
	if w.sum() != 300 {
		t.Errorf("told %v", w.told)
	}
	last := noon
	for _, u := range w.told {
		if !u.From.Equal(last) {
			t.Errorf("there is a gap before %v", u)
		}
		last = u.To
	}
	before := len(w.told)

	w.use(7) // is lost
	w.halt()
	w.now = minute(200)
	w.run()
	w.use(50)
	w.restart()
	w.pass(41)
	same(t, "started again meanwhile", w.told[before:], []Used{{minute(180), minute(181), 0}, {minute(200), minute(240), 50}})
}

// An engine that does not answer leaves no gap once it does; one that is stopped has its
// last hour told nevertheless.
func TestEngineDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.pass(1)
	w.broken = errors.New("it hangs")
	w.use(60)
	w.pass(90)
	if w.sum() != 0 {
		t.Errorf("told of a time that is not known: %v", w.told)
	}
	w.broken = nil
	w.pass(29)
	if w.sum() != 60 || len(w.told) != 2 {
		t.Errorf("told %v", w.told)
	}
	w.use(5)
	w.pass(10)
	w.halt()
	w.pass(60)
	same(t, "stopped", w.told[2:], []Used{{minute(120), minute(130), 5}})
}

// What is read before an instance is stopped is not lost.
func TestReadBeforeTheEnd(t *testing.T) {
	w := newWorld(t)
	w.pass(10)
	w.use(77)
	w.now = w.now.Add(30 * time.Second)
	w.collector.Read(t.Context(), "db1")
	w.halt()
	w.pass(60)
	same(t, "until it was stopped", w.told, []Used{{noon, minute(10).Add(30 * time.Second), 77}})
}

// Where the disk is full nothing is told twice, and nothing forgotten.
func TestDiskIsFull(t *testing.T) {
	w := newWorld(t)
	w.use(10)
	w.pass(30)
	w.full = true
	w.use(20)
	w.pass(60)
	w.full = false
	w.pass(30)
	if w.sum() != 30 || len(w.told) != 2 {
		t.Errorf("told %v", w.told)
	}
}

// What was counted before there were records, or before records that cannot be read, may
// have been told before: only what comes is.
func TestRecordsAreLost(t *testing.T) {
	w := newWorld(t)
	w.use(100)
	w.pass(10)
	w.damaged = map[Key]bool{counted: true}
	w.restart()
	w.pass(1)
	w.damaged = nil
	w.use(3)
	w.pass(49)
	same(t, "damaged", w.told, []Used{{minute(11), minute(60), 3}})

	w.kept, w.began = map[Key]Account{}, w.now
	w.restart()
	w.use(30)
	w.pass(1) // from here on
	w.use(4)
	w.pass(59)
	same(t, "lost", w.told[1:], []Used{{minute(61), minute(120), 4}})
}

// Souk's clock that is moved closes hours at once.
func TestClockIsMoved(t *testing.T) {
	w := newWorld(t)
	w.use(90)
	w.pass(30)
	w.offset = 2 * time.Hour
	w.pass(1)
	if w.sum() != 90 || len(w.told) != 2 {
		t.Errorf("told %v", w.told)
	}
}
