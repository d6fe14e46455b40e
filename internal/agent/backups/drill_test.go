package backups

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/internal/agent/store"
	"souk/internal/agentapi"
	"souk/internal/driver"
	"souk/internal/driver/fake"
)

// trial is a place of backups whose instances can be proven.
type trial struct {
	*place
	runs     *fake.Driver
	canaries []driver.Canary
	restored []driver.Canary // what restored instances hold
	checks   []driver.Check
	archive  time.Duration // by how much the archive is behind; -1: there is none
	now      func() time.Time
}

func (p *trial) PutCanary(context.Context, driver.Instance) (driver.Canary, error) {
	c := driver.Canary{Number: int64(len(p.canaries) + 1), At: p.now(), Value: "v"}
	p.canaries = append(p.canaries, c)
	if p.archive >= 0 {
		p.is.ArchivedUntil = p.now().Add(-p.archive)
	}
	return c, nil
}

func (p *trial) Canaries(_ context.Context, of driver.Instance) ([]driver.Canary, error) {
	if of.Restore != nil {
		return p.restored, nil
	}
	return p.canaries, nil
}

func (p *trial) Examine(context.Context, driver.Instance) (driver.Examination, error) {
	return driver.Examination{Version: "1.0", Checks: p.checks}, nil
}

// newTrial is a bench whose instance has a backup, with a canary that it holds.
func newTrial(t *testing.T, before func(ctx context.Context, op fake.Op, id string) error) (*bench, *trial) {
	t.Helper()
	b := newBench(t)
	p := &trial{place: b.place, now: func() time.Time { return b.now }, archive: -1, checks: []driver.Check{{Name: "rows", Passed: true}}}
	p.runs = fake.New(fake.Config{Before: before})
	b.opt.Driver, b.opt.Runner, b.opt.Canary = p, p.runs, time.Nanosecond
	_, _ = p.PutCanary(t.Context(), driver.Instance{})
	p.restored = slices.Clone(p.canaries)
	b.now = b.now.Add(time.Hour)
	return b, p
}

// order has a drill wanted.
func (b *bench) order(drill string) {
	b.t.Helper()
	b.want(nightly)
	work, err := b.store.Load(b.id)
	if err != nil {
		b.t.Fatal(err)
	}
	work.Desired.Backups.Drill = &agentapi.DrillOrder{ID: drill, BackupID: "backup"}
	listing := store.Listing(false)
	if _, err := b.store.Apply([]agentapi.DesiredEvent{{Instance: &work.Desired}}, &listing); err != nil {
		b.t.Fatal(err)
	}
}

// told are the facts about drills in the outbox.
func (b *bench) told() (all []agentapi.DrillFact) {
	b.t.Helper()
	facts, err := b.store.Facts(agentapi.MaxFacts)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range facts {
		if f.Drill != nil {
			all = append(all, *f.Drill)
		}
	}
	return all
}

const drillID = "0190c1d2-0000-7000-8000-00000000000d"

// nothingLeft says what a drill has left behind.
func nothingLeft(t *testing.T, b *bench, p *trial) {
	t.Helper()
	here, _ := p.runs.List(t.Context())
	noted, err := b.store.ThrowAways()
	if len(here) > 0 || len(noted) > 0 || err != nil {
		t.Errorf("left behind: %v, noted %v, %v", here, noted, err)
	}
}

func TestADrillRestoresComparesAndRemoves(t *testing.T) {
	var made driver.Instance
	b, p := newTrial(t, nil)
	p.checks = []driver.Check{{Name: "rows", Passed: true, Detail: "7 rows"}}
	b.opt.Runner = watched{p.runs, func(want driver.Instance) { made = want }}
	b.order(drillID)
	if n := b.drill(t.Context(), b.id); n.failed {
		t.Fatal("it failed")
	}
	told := b.told()
	if len(told) != 2 || !told[0].FinishedAt.IsZero() || told[1].FinishedAt.IsZero() || told[1].Problem != "" {
		t.Fatalf("told %+v", told)
	}
	m := told[1].Measured
	if m == nil || m.PointInTime || m.Canaries != 1 || m.Digest == "" || m.LossMillis != time.Hour.Milliseconds() || m.Version != "1.0" || len(m.Checks) != 1 {
		t.Errorf("measured %+v", m)
	}
	if made.ID != drillID || len(made.Credentials) > 0 || len(made.AllowedNetworks) > 0 || made.Backup != nil || made.HeldData || !made.Restore.Lost || made.Restore.BackupID != "backup" || !made.Restore.Time.IsZero() {
		t.Errorf("made %+v", made)
	}
	nothingLeft(t, b, p)
	b.drill(t.Context(), b.id) // the control plane has not heard yet
	if len(b.told()) != 2 {
		t.Error("it is made again")
	}
}

// watched tells of what is to run.
type watched struct {
	driver.Driver
	tell func(want driver.Instance)
}

func (w watched) Ensure(ctx context.Context, want driver.Instance) (driver.Observation, error) {
	w.tell(want)
	return w.Driver.Ensure(ctx, want)
}

// What would be lost is measured by canaries that go on until the archive has the
// first, as if the instance were lost at that moment: what the instance puts away while
// its copy is being restored does not count, though it is restored and compared.
func TestADrillMeasuresWhatWouldBeLost(t *testing.T) {
	b, p := newTrial(t, nil)
	p.archive, b.opt.Lead = 30*time.Second, time.Hour
	p.now = func() time.Time { b.now = b.now.Add(4 * time.Second); return b.now }
	b.order(drillID)
	p.restored = nil
	b.opt.Runner = watched{p.runs, func(driver.Instance) {
		if p.restored == nil { // all but the newest was put away by then
			p.is.ArchivedUntil = b.now
			p.restored = slices.Clone(p.canaries[:len(p.canaries)-1])
		}
	}}
	b.drill(t.Context(), b.id)
	m := b.told()[1].Measured
	// A canary is written each 8 seconds, and when the fifth is, all until 26 seconds
	// before it is put away: the first of them.
	if m == nil || !m.PointInTime || len(p.canaries) != 6 || m.LossMillis != 32000 || !m.Restored.Equal(p.canaries[1].At) || m.Canaries != 5 || b.told()[1].Problem != "" {
		t.Errorf("%d canaries, measured %+v", len(p.canaries), m)
	}
}

// Whatever the archive says, what a backup holds is kept.
func TestWhatABackupHoldsIsNotLost(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	taken := []driver.Backup{{ID: "one", FinishedAt: at.Add(time.Minute)}, {ID: "two", FinishedAt: at.Add(time.Hour)}}
	for name, c := range map[string]struct{ archived, want time.Time }{
		"nothing since":  {at, at.Add(time.Minute)},
		"changes since":  {at.Add(2 * time.Minute), at.Add(2 * time.Minute)},
		"no time points": {},
	} {
		t.Run(name, func(t *testing.T) {
			if got := keptBy(driver.BackupReport{Backups: taken, ArchivedUntil: c.archived}, "one"); !got.Equal(c.want) {
				t.Errorf("kept until %s, want %s", got, c.want)
			}
		})
	}
}

func TestADrillFindsWhatIsWrong(t *testing.T) {
	damaged := &driver.BlockedError{Message: "The backup is damaged.", BlockedBy: "you", Permanent: true}
	for name, c := range map[string]struct {
		spoil func(p *trial)
		fails error
		says  string
	}{
		"no canary":         {spoil: func(p *trial) { p.restored = nil }, says: "no canary"},
		"a changed canary":  {spoil: func(p *trial) { p.restored[0].Value = "another" }, says: "missing or changed"},
		"a check":           {spoil: func(p *trial) { p.checks[0] = driver.Check{Name: "page-checksums", Detail: "3 were wrong."} }, says: "3 were wrong"},
		"a damaged backup":  {fails: damaged, says: "The backup is damaged."},
		"trouble in a zone": {fails: errors.New("a secret reason"), says: "could not be restored"},
	} {
		t.Run(name, func(t *testing.T) {
			b, p := newTrial(t, func(_ context.Context, op fake.Op, _ string) error {
				if op == fake.OpEnsure {
					return c.fails
				}
				return nil
			})
			if c.spoil != nil {
				c.spoil(p)
			}
			b.order(drillID)
			tries := 1
			for b.drill(t.Context(), b.id).failed {
				tries++
			}
			told := b.told()
			last := told[len(told)-1]
			if last.FinishedAt.IsZero() || !strings.Contains(last.Problem, c.says) || strings.Contains(last.Problem, "secret") {
				t.Errorf("told %+v", last)
			}
			if want := map[bool]int{true: attempts, false: 1}[name == "trouble in a zone"]; tries != want {
				t.Errorf("tried %d times, want %d", tries, want)
			}
			nothingLeft(t, b, p)
		})
	}
}

func TestADrillThatIsCutShortLeavesNothing(t *testing.T) {
	var stop context.CancelFunc
	b, p := newTrial(t, func(_ context.Context, op fake.Op, _ string) error {
		if op == fake.OpEnsure && stop != nil {
			stop()
		}
		return nil
	})
	b.order(drillID)
	ctx, cancel := context.WithCancel(t.Context())
	stop = cancel
	b.drill(ctx, b.id)
	if noted, _ := b.store.ThrowAways(); len(noted) != 1 {
		t.Fatalf("noted %v", noted)
	}
	stop = nil
	b.drill(t.Context(), "") // as at the next start
	nothingLeft(t, b, p)
	b.drill(t.Context(), b.id)
	if told := b.told(); told[len(told)-1].FinishedAt.IsZero() || told[len(told)-1].Problem != "" {
		t.Errorf("told %+v", told)
	}
}
