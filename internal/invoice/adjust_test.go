package invoice

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/catalog"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/internal/usage"
)

// metered is a world whose instances have backups and a meter that cost something.
func metered(t testing.TB) *world {
	w := newWorld(t)
	w.Service.RealNow = w.Clock.Now
	w.Superuser(t, false, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', 'true')")
	w.Superuser(t, false, "UPDATE organizations SET quota_instances = 1000000, quota_cpu_millis = 1e12, quota_memory_mib = 1e12, quota_storage_gib = 1e12; UPDATE zones SET capacity_storage_gib = 1e12, capacity_cpu_millis = 1e12, capacity_memory_mib = 1e12")
	price := func(item, unit, amount string) catalog.PriceEntry {
		return catalog.PriceEntry{Service: "postgresql", ServiceLevel: "best-effort", Item: item, Unit: unit, Amount: amount}
	}
	w.Publish(t, append(instancetest.Prices(), price("backup-storage", "GiB-month", "0.05"), price("queries", "thousand", "2"), price("setup", "once", "5")), instancetest.Metered())
	return w
}

// Over random lives of some months, of which facts, backups and usage arrive late, the
// adjustments at any watermark are those that rating every earlier month again comes to;
// and a month that is not rated again would have been the same bytes.
func TestAdjustmentsOfTouchedMonthsAreAllThereAre(t *testing.T) {
	w := metered(t)
	checks := flag.Lookup("rapid.checks")
	if before := checks.Value.String(); before == checks.DefValue {
		_ = checks.Value.Set("12")
		t.Cleanup(func() { _ = checks.Value.Set(before) })
	}
	l := &lives{world: w}
	rapid.Check(t, func(rt *rapid.T) {
		l.rt = rt
		for range 2 {
			name := fmt.Sprintf("life-%d", len(l.all)+1)
			l.all = append(l.all, &life{name: name, storage: 10, id: w.Order(t, name).ID, ordered: w.Clock.Now()})
		}
		known := w.Clock.Now()
		for range rapid.IntRange(10, 20).Draw(rt, "steps") {
			w.Machine.Advance(l.hours("pause", 0, 7, 36, 150, 400) + time.Microsecond)
			l.life = l.all[len(l.all)-1-rapid.IntRange(0, min(5, len(l.all)-1)).Draw(rt, "of")]
			l.step()
			if rapid.IntRange(0, 2).Draw(rt, "closes") == 0 {
				l.compare(known)
				known = w.Clock.Now()
			}
		}
		l.compare(known)
	})
	t.Logf("of months, %d were spared, %d rated again, %d of them differed", l.spared, l.again, l.differed)
}

// life is that of an instance.
type life struct {
	name    string
	id      uuid.UUID
	ordered time.Time
	storage int64
	kept    []driver.Backup
}

// lives are random lives.
type lives struct {
	*world
	*life // to which something happens now
	all   []*life
	rt    *rapid.T

	agreed string // ID of the last agreement

	spared, again, differed int // months
}

func (l *lives) step() {
	switch kind := rapid.SampledFrom([]string{"fact", "fact", "fact", "fact", "fact", "backup", "backup", "expire", "usage", "usage", "usage", "usage", "update", "update", "suspend", "resume", "resume", "delete", "undelete", "undelete", "purge", "agree", "end"}).Draw(l.rt, "step"); kind {
	case "fact":
		state := rapid.SampledFrom([]driver.State{driver.StateRunning, driver.StateRunning, driver.StateDegraded, driver.StateStopped, driver.StateFailed, driver.StateGone}).Draw(l.rt, "state")
		l.Apply(l.t, instancetest.Late(l.Fact(l.t, l.id, state), l.hours("late", 0, 100, 500, 900, 1300)))
	case "backup":
		at := l.Clock.Now().Add(-l.hours("ago", 0, 5, 200, 600))
		l.kept = append(l.kept, driver.Backup{ID: uuid.NewString(), Kind: "scheduled", At: at, StartedAt: at, FinishedAt: at, StoredBytes: rapid.Int64Range(1, 1<<36).Draw(l.rt, "bytes")})
		f := l.Fact(l.t, l.id, driver.StateRunning)
		f.Observation, f.Backups = driver.Observation{}, &agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: l.kept}}
		l.Apply(l.t, f)
	case "expire":
		if _, err := l.MarkExpired(l.t.Context(), l.Store); err != nil {
			l.t.Fatal(err)
		}
	case "usage":
		l.usage()
	case "update":
		l.storage += rapid.Int64Range(0, 5).Draw(l.rt, "growth")
		plan := rapid.SampledFrom([]string{"small", "large"}).Draw(l.rt, "plan")
		l.attempt(l.Update(func(s *api.InstanceSpec) { s.StorageGiB, s.Plan = l.storage, plan }))
	case "agree":
		id, err := l.tryAgree(api.AgreementTerms{Name: "Late", Kind: "percent", Percent: "10", From: l.day("from")})
		if err == nil {
			l.agreed = id
		}
	case "end":
		_ = l.Store.System(l.t.Context(), func(tx store.Tx) error { // it may have ended before
			return l.agreements().End(l.t.Context(), tx, l.agreed, api.AgreementEnd{To: l.day("to"), Reason: "x"}, "ann@operator.example")
		})
	case "purge":
		l.Machine.Advance(instance.Retention)
		l.PurgeDue(l.t)
	default:
		l.attempt(map[string]instancetest.Action{"suspend": l.Suspend, "resume": l.Resume, "delete": l.World.Delete, "undelete": l.Undelete}[kind])
	}
}

// day draws one that was a while ago.
func (l *lives) day(name string) string {
	return l.Clock.Now().Add(-l.hours(name, 0, 200, 900, 1500)).Format(time.DateOnly)
}

// hours draws one of some times, give or take a few minutes.
func (l *lives) hours(name string, some ...int) time.Duration {
	return time.Duration(rapid.SampledFrom(some).Draw(l.rt, name))*time.Hour + time.Duration(rapid.IntRange(0, 3000).Draw(l.rt, name+" and seconds"))*time.Second
}

// attempt carries an action out if the state of things allows it.
func (l *lives) attempt(a instancetest.Action) {
	_, _ = l.Do(l.t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return a(ctx, tx, p, l.name)
	})
}

// usage reports some of an hour that was a while ago, if the instance was there then.
func (l *lives) usage() {
	hour := l.Clock.Now().Add(-l.hours("ago", 1, 200, 500, 800, 1300)).Truncate(time.Hour)
	if hour.Add(time.Hour).Before(l.ordered) {
		hour = l.ordered.Truncate(time.Hour)
	}
	quantity := rapid.Int64Range(0, 5000).Draw(l.rt, "quantity")
	e := usage.Event{Source: "/app", ID: uuid.NewString(), Subject: l.id.String(), Meter: "queries", Report: usage.Report{From: hour, To: hour.Add(time.Hour), Quantity: &quantity}}
	_ = l.Store.System(l.t.Context(), func(tx store.Tx) error {
		_, err := usage.Keeper{Catalog: l.Service.Catalog}.Take(l.t.Context(), tx, l.Operator, []usage.Event{e}, l.Clock.Now())
		return err // it is too old, or the instance had been removed by then
	})
}

// compare holds the adjustments of now, since a watermark, against the exhaustive ones.
func (l *lives) compare(known time.Time) {
	c := Closing{Organization: l.Acme.Organization, Month: billing.MonthOf(l.Clock.Now(), instancetest.Zurich), Watermark: l.Clock.Now(), Language: "en", Currency: "CHF"}
	l.System(l.t, func(tx store.Tx) error {
		all := l.monthsUntil(known)
		some, err := c.touched(l.t.Context(), tx, all, known)
		if err != nil {
			return err
		}
		got, err := c.adjust(l.t.Context(), tx, some, known)
		if err != nil {
			return err
		}
		want, err := c.adjust(l.t.Context(), tx, all, known)
		if got, want := asJSON(l.t, got), asJSON(l.t, want); got != want {
			l.rt.Fatalf("adjusted\n%s\nand rating all again\n%s", got, want)
		}
		l.again += len(some)
		l.spared += len(all) - len(some)
		for _, m := range all {
			if l.changed(tx, m, known) {
				l.differed++
				if !slices.Contains(some, m) {
					l.rt.Fatalf("%s is not rated again", m.name)
				}
			}
		}
		return err
	})
}

func asJSON(t testing.TB, of any) string {
	t.Helper()
	out, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// monthsUntil are those that were over at a watermark, from half a year before it.
func (l *lives) monthsUntil(known time.Time) (list []closedMonth) {
	for m := billing.MonthOf(known.AddDate(0, -7, 0), instancetest.Zurich); !m.To.After(known); m = billing.MonthOf(m.To, instancetest.Zurich) {
		list = append(list, closedMonth{run: store.NewID(), name: m.String(), month: m})
	}
	return list
}

// changed says whether a month's charges are other bytes than at a watermark.
func (l *lives) changed(tx store.Tx, m closedMonth, known time.Time) bool {
	rated := func(at time.Time) []byte {
		lines, err := billing.Charges(l.t.Context(), tx, billing.Filter{Organization: l.Acme.Organization}, m.month, m.month.To, at)
		if err != nil {
			l.t.Fatal(err)
		}
		return billing.Canonical(lines)
	}
	return !bytes.Equal(rated(known), rated(l.Clock.Now()))
}
