package billing_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/billing/billingdb"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// After every step of a random life on a real record, with facts that come late,
// repeated and out of order, the stored chain is the one that Chain derives from
// the stored commands and facts; the audit, which is written otherwise, agrees;
// and what was known at each earlier watermark can still be read.
func TestStoredChainAtEveryStep(t *testing.T) {
	w := keeping(t)
	w.Superuser(t, false, "UPDATE organizations SET quota_instances = 1000000, quota_cpu_millis = 1e12, quota_memory_mib = 1e12, quota_storage_gib = 1e12; UPDATE zones SET capacity_storage_gib = 1e12, capacity_cpu_millis = 1e12, capacity_memory_mib = 1e12")
	checks(t, "60") // of 25, one run in some hundreds superseded no link of backups
	life := 0
	rapid.Check(t, func(rt *rapid.T) {
		life++
		l := &storedLife{World: w, t: t, rt: rt, name: fmt.Sprintf("life-%d", life), storage: 10}
		l.id = w.Order(t, l.name).ID
		l.look()
		for range rapid.IntRange(5, 14).Draw(rt, "steps") {
			w.Machine.Advance(time.Duration(rapid.SampledFrom([]int64{1, 1, 1e6, 60e6, 3600e6}).Draw(rt, "pause")) * time.Microsecond)
			l.step()
			l.look()
		}
		l.lookBack()
	})
	mustBeClean(t, w)
	if late := w.Count(t, "segments WHERE superseded_at IS NOT NULL"); late < 10 {
		t.Errorf("only %d links were ever superseded: the lives are too tame", late)
	}
	if late := w.Count(t, "backup_segments WHERE superseded_at IS NOT NULL"); late == 0 {
		t.Error("no link of backups was ever superseded: the lives are too tame")
	}
}

// checks sets how many lives rapid draws, unless the command line says so.
func checks(t *testing.T, n string) {
	f := flag.Lookup("rapid.checks")
	if before := f.Value.String(); before == f.DefValue {
		_ = f.Value.Set(n)
		t.Cleanup(func() { _ = f.Value.Set(before) })
	}
}

type storedLife struct {
	*instancetest.World
	t       testing.TB
	rt      *rapid.T
	name    string
	id      uuid.UUID
	storage int64
	taken   []driver.Backup // that the zone has
	away    []driver.Backup // that it had
	seen    []watermark
}

// watermark is what was known at a time.
type watermark struct {
	at    time.Time
	chain []billing.Segment
	kept  []billing.BackupSegment
	bill  []byte // of the month so far
}

func (l *storedLife) step() {
	switch kind := rapid.SampledFrom([]string{"fact", "fact", "fact", "fact", "backups", "backups", "backups", "backups", "expire", "update", "suspend", "resume", "delete", "undelete", "purge"}).Draw(l.rt, "step"); kind {
	case "fact":
		l.fact()
	case "backups":
		l.backups()
	case "expire":
		expire(l.t, l.World)
	case "update":
		l.storage += rapid.Int64Range(0, 5).Draw(l.rt, "growth")
		plan := rapid.SampledFrom([]string{"small", "large"}).Draw(l.rt, "plan")
		l.attempt(l.Update(func(s *api.InstanceSpec) { s.StorageGiB, s.Plan = l.storage, plan }))
	case "purge":
		l.Machine.Advance(retention)
		due(l.t, l.World)
	default:
		l.attempt(map[string]instancetest.Action{"suspend": l.Suspend, "resume": l.Resume, "delete": l.Delete, "undelete": l.Undelete}[kind])
	}
}

// attempt carries an action out if the state of things allows it.
func (l *storedLife) attempt(a instancetest.Action) {
	_, _ = l.Do(l.t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return a(ctx, tx, p, l.name)
	})
}

func (l *storedLife) fact() {
	state := rapid.SampledFrom([]driver.State{driver.StateCreating, driver.StateRunning, driver.StateRunning, driver.StateRunning, driver.StateDegraded, driver.StateStopped, driver.StateFailed, driver.StateGone}).Draw(l.rt, "state")
	f := l.Fact(l.t, l.id, state)
	f.Observation.Generation -= rapid.Int64Range(0, 2).Draw(l.rt, "behind")
	f = instancetest.Late(f, time.Duration(rapid.Int64Range(0, 7200).Draw(l.rt, "late"))*time.Second)
	for range rapid.IntRange(1, 2).Draw(l.rt, "deliveries") {
		l.Apply(l.t, f)
	}
}

// look compares the stored chain with the derived one and remembers it.
func (l *storedLife) look() {
	commands, facts, stored := raw(l.t, l.World, l.id)
	plain := make([]billing.Fact, len(facts))
	for i, f := range facts {
		plain[i] = f.Fact
	}
	want := billing.Chain(commands, plain)
	if !slices.EqualFunc(stored, want, billing.Same) {
		l.rt.Fatalf("stored\n%+v\nderived\n%+v", stored, want)
	}
	backups := keptChain(l.t, l.World, l.id, stored)
	l.seen = append(l.seen, watermark{l.Clock.Now(), stored, backups, charges(l.t, l.World, &l.id, l.Clock.Now(), time.Time{})})
}

// lookBack reads what was known at each watermark.
func (l *storedLife) lookBack() {
	for _, w := range l.seen {
		if got := knownAt(l.t, l.World, l.id, w.at); !slices.EqualFunc(got, w.chain, billing.Same) {
			l.rt.Fatalf("known at %s was\n%+v\nread back as\n%+v", w.at, w.chain, got)
		}
		if got := keptAt(l.t, l.World, l.id, w.at); !slices.EqualFunc(got, w.kept, billing.SameBackups) {
			l.rt.Fatalf("of backups, known at %s was\n%+v\nread back as\n%+v", w.at, w.kept, got)
		}
		if got := charges(l.t, l.World, &l.id, w.at, w.at); !bytes.Equal(got, w.bill) {
			l.rt.Fatalf("charged at %s was\n%s\nrated again it is\n%s", w.at, w.bill, got)
		}
	}
}

// knownAt reads the chain as it was known at a watermark, as a run of invoices
// would.
func knownAt(t testing.TB, w *instancetest.World, id uuid.UUID, at time.Time) (out []billing.Segment) {
	w.Query(t, `SELECT from_at, CASE WHEN to_recorded_at <= $2 THEN to_at END, state, compute_billed, storage_billed, project_id, billing_account_id, plan_revision_id, price_list_revision_id, service_level, storage_gib
		FROM segments WHERE instance_id = $1 AND recorded_at <= $2 AND (superseded_at IS NULL OR superseded_at > $2) ORDER BY from_at`, func(r pgx.Rows) error {
		var s billingdb.Segment
		err := r.Scan(&s.FromAt, &s.ToAt, &s.State, &s.ComputeBilled, &s.StorageBilled, &s.ProjectID, &s.BillingAccountID, &s.PlanRevisionID, &s.PriceListRevisionID, &s.ServiceLevel, &s.StorageGib)
		out = append(out, billing.FromRow(s))
		return err
	}, id, at)
	return out
}

// What a run at a watermark counted stays countable: a late fact changes the
// present chain, and the difference is what an adjustment is made of.
func TestWatermarkGivesTheSameAfterLateFacts(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(10 * time.Hour)
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "large" }))
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	run := w.Clock.Now()
	before := knownAt(t, w, v.ID, run)
	w.Machine.Advance(time.Hour)
	f := w.Fact(t, v.ID, driver.StateFailed)
	w.Apply(t, instancetest.Late(f, 100*time.Minute))
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Suspend)
	if after := knownAt(t, w, v.ID, run); !slices.EqualFunc(after, before, billing.Same) {
		t.Errorf("the run saw\n%+v\nand now it would see\n%+v", before, after)
	}
	_, _, now := raw(t, w, v.ID)
	if compute := billed(now, run); compute != billed(before, run)-40*time.Minute {
		t.Errorf("until the run %s are billed now, %s were before; the late failure cost 40 minutes of it", compute, billed(before, run))
	}
	mustBeClean(t, w)
}

// billed is how long compute was billed until a time.
func billed(chain []billing.Segment, until time.Time) (d time.Duration) {
	for _, s := range chain {
		to := s.To
		if to.IsZero() || to.After(until) {
			to = until
		}
		if s.ComputeBilled && to.After(s.From) {
			d += to.Sub(s.From)
		}
	}
	return d
}
