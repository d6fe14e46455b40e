package billing_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"souk/api"
	"souk/internal/agentapi"
	"souk/internal/billing"
	"souk/internal/billing/billingdb"
	"souk/internal/catalog"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
	"souk/services/postgresql"
)

// keeping is a World whose zone keeps backups, at CHF 0.05 a GiB and month.
func keeping(t testing.TB) *instancetest.World {
	t.Helper()
	w := instancetest.New(t)
	w.Service.RealNow = w.Clock.Now
	w.Superuser(t, false, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', 'true')")
	price := catalog.PriceEntry{Service: "postgresql", ServiceLevel: "best-effort", Item: "backup-storage", Unit: "GiB-month", Amount: "0.05"}
	w.Publish(t, append(instancetest.Prices(), price), postgresql.Package().Definition)
	return w
}

// taken is a backup that was finished at that time.
func taken(at time.Time, stored int64) driver.Backup {
	return driver.Backup{ID: uuid.NewString(), Kind: "scheduled", At: at.Add(-time.Minute), StartedAt: at.Add(-time.Minute), FinishedAt: at, StoredBytes: stored}
}

// there has the zone say which backups there are.
func there(t testing.TB, w *instancetest.World, id uuid.UUID, all ...driver.Backup) {
	t.Helper()
	f := w.Fact(t, id, driver.StateRunning)
	f.Observation, f.Backups = driver.Observation{}, &agentapi.BackupFact{BackupReport: driver.BackupReport{Backups: all}}
	for range 2 {
		w.Apply(t, f)
	}
}

// expire marks what no rule keeps any more.
func expire(t testing.TB, w *instancetest.World) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = w.MarkExpired(context.Background(), w.Store); err != nil {
			t.Fatal(err)
		}
	}
}

// backups has the zone tell of what it has: one more, one less, or one found again.
func (l *storedLife) backups() {
	switch kind := rapid.SampledFrom([]string{"more", "more", "less", "found"}).Draw(l.rt, "backups"); {
	case kind == "more":
		ago := time.Duration(rapid.Int64Range(0, 7200).Draw(l.rt, "ago")) * time.Second
		l.taken = append(l.taken, taken(l.Clock.Now().Add(-ago), rapid.Int64Range(0, 3).Draw(l.rt, "bytes")))
	case kind == "less" && len(l.taken) > 0:
		l.away, l.taken = append(l.away, l.taken[0]), slices.Clone(l.taken[1:])
	case kind == "found" && len(l.away) > 0:
		l.taken, l.away = append(l.taken, l.away[0]), slices.Clone(l.away[1:])
	}
	there(l.t, l.World, l.id, l.taken...)
}

// keptChain compares the stored chain of an instance's backups with the derived one.
func keptChain(t testing.TB, w *instancetest.World, id uuid.UUID, own []billing.Segment) (stored []billing.BackupSegment) {
	t.Helper()
	w.System(t, func(tx store.Tx) error {
		q := billingdb.New(tx)
		steps, err := q.BackupSteps(context.Background(), id)
		if err != nil {
			return err
		}
		links, err := q.LiveBackupSegments(context.Background(), id)
		stored = billing.BackupsFromRows(links)
		if want := billing.BackupChain(billing.BackupStepsFromRows(steps), own); !slices.EqualFunc(stored, want, billing.SameBackups) {
			t.Fatalf("of backups, stored\n%+v\nderived\n%+v", stored, want)
		}
		return err
	})
	return stored
}

// keptAt reads the chain of backups as it was known at a watermark.
func keptAt(t testing.TB, w *instancetest.World, id uuid.UUID, at time.Time) []billing.BackupSegment {
	var rows []billingdb.BackupSegment
	w.Query(t, `SELECT from_at, CASE WHEN to_recorded_at <= $2 THEN to_at END, bytes, project_id, billing_account_id, plan_revision_id, price_list_revision_id, service_level
		FROM backup_segments WHERE instance_id = $1 AND recorded_at <= $2 AND (superseded_at IS NULL OR superseded_at > $2) ORDER BY from_at`, func(r pgx.Rows) error {
		var s billingdb.BackupSegment
		err := r.Scan(&s.FromAt, &s.ToAt, &s.Bytes, &s.ProjectID, &s.BillingAccountID, &s.PlanRevisionID, &s.PriceListRevisionID, &s.ServiceLevel)
		rows = append(rows, s)
		return err
	}, id, at)
	return billing.BackupsFromRows(rows)
}

// backedUpLife is a life with backups: one heard of late, one lost and found again,
// and one that has expired; the instance is gone, and one of them is not.
func backedUpLife(t *testing.T) (*instancetest.World, uuid.UUID) {
	w := keeping(t)
	v := w.Ready(t, "db1")
	const gib = 1 << 30
	w.Machine.Advance(10 * time.Hour)
	first := taken(w.Clock.Now(), 100*gib)
	there(t, w, v.ID, first)
	w.Machine.Advance(10 * time.Hour)
	second := taken(w.Clock.Now().Add(-5*time.Hour), 50*gib)
	w.Machine.Advance(time.Hour)
	there(t, w, v.ID)
	w.Machine.Advance(time.Hour)
	there(t, w, v.ID, first, second)
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) {
		s.Plan, s.Backup = "medium", &api.BackupSpec{Keep: &api.BackupKeep{Last: 1, Weekly: 2}}
	}))
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	expire(t, w)
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Machine.Advance(retention)
	due(t, w)
	w.Machine.Advance(time.Minute)
	w.Report(t, v.ID, driver.StateGone)
	w.Machine.Advance(time.Minute)
	return w, v.ID
}

// bars are the links of an instance's chain of backups, in words.
func bars(t testing.TB, w *instancetest.World, id uuid.UUID) (all []string) {
	for _, s := range keptChain(t, w, id, ownChain(t, w, id)) {
		to := "…"
		if !s.To.IsZero() {
			to = s.To.Sub(instancetest.Start).String()
		}
		all = append(all, fmt.Sprintf("%s to %s: %d GiB", s.From.Sub(instancetest.Start), to, s.Bytes>>30))
	}
	return all
}

func TestBackupsAreBilledByTheirOwnChain(t *testing.T) {
	w, id := backedUpLife(t)
	want := []string{"10h0m0s to 15h0m0s: 100 GiB", "15h0m0s to 21h0m0s: 150 GiB", "21h0m0s to 22h0m0s: 50 GiB", "22h0m0s to 23h0m0s: 150 GiB", "23h0m0s to 24h0m0s: 150 GiB", "24h0m0s to …: 50 GiB"}
	if got := bars(t, w, id); !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	mustBeClean(t, w)
	// An instance that is gone is billed for what is kept of it. March has 743 hours:
	// small:  100 GiB × 5 h + 150 × 6 + 50 × 1 + 150 × 1 = 1600 GiB h × 0.05 / 743 h = 0.107…
	// medium: 150 GiB × 1 h + 50 × 169 h 2 min           = 8601.67 GiB h              = 0.578…
	var got []string
	for _, l := range cost(t, w).Lines {
		if l.Item == "backup-storage" {
			got = append(got, fmt.Sprintf("%s %s: %s %s, %s", l.Instance, l.Plan, l.Quantity, l.Unit, l.Amount.Amount))
		}
	}
	if want := []string{"db1 medium: 11.57694 GiB-month, 0.58", "db1 small: 2.153432 GiB-month, 0.11"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	// It is shown, by its name too, although it is gone.
	err := w.As(t, w.Acme, func(tx store.Tx) error {
		one, err := w.InstanceCost(t.Context(), tx, w.Acme, "db1")
		if whole := cost(t, w); err == nil && one.Total != whole.Total {
			t.Errorf("of the instance %v, of all %v", one.Total, whole.Total)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if shares := summary(t, w).Instances; len(shares) != 1 || !shares[0].Gone || shares[0].Name != "db1" {
		t.Errorf("by instance: %+v", shares)
	}
	// What is left expires, and the chain with it.
	w.Machine.Advance(100 * 24 * time.Hour)
	expire(t, w)
	chain := keptChain(t, w, id, ownChain(t, w, id))
	if last := chain[len(chain)-1]; !last.To.Equal(w.Clock.Now()) {
		t.Errorf("the last has expired at %s, and the chain ends at %s", w.Clock.Now(), last.To)
	}
	mustBeClean(t, w)
}

func ownChain(t testing.TB, w *instancetest.World, id uuid.UUID) []billing.Segment {
	_, _, chain := raw(t, w, id)
	return chain
}

// The database itself refuses a chain of backups with a gap, an overlap, or an end
// that is open where nothing is kept, whoever writes it; and what is written stays.
func TestDatabaseRefusesBrokenChainsOfBackups(t *testing.T) {
	w := keeping(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	first := taken(w.Clock.Now(), 10)
	there(t, w, v.ID, first)
	w.Machine.Advance(time.Hour)
	there(t, w, v.ID, first, taken(w.Clock.Now(), 10))
	w.Machine.Advance(time.Hour)
	const open = "instance_id = $1 AND to_at IS NULL AND superseded_at IS NULL"
	insert := func(from, to string) string {
		return `INSERT INTO backup_segments SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, ` + from + `, ` + to + `, bytes, plan_revision_id,
			price_list_revision_id, service_level, $2, CASE WHEN (` + to + `)::timestamptz IS NOT NULL THEN $2::timestamptz END, NULL FROM backup_segments WHERE ` + open
	}
	for _, c := range []struct{ what, sql, code string }{
		{"a second open link", insert("$2", "NULL"), "23P01"},
		{"a gap", insert("from_at - interval '1 day'", "from_at - interval '20 h'"), "SK002"},
		{"a closed end", "UPDATE backup_segments SET to_at = $2, to_recorded_at = $2 WHERE " + open, "SK002"},
		{"no end", "UPDATE backup_segments SET superseded_at = $2 WHERE " + open, "SK002"},
		{"no link at all", "UPDATE backup_segments SET superseded_at = $2 WHERE instance_id = $1", "SK002"},
		{"an empty link", "UPDATE backup_segments SET to_at = from_at, to_recorded_at = $2 WHERE " + open, "23514"},
		{"all gone without an end of the chain", "INSERT INTO backup_steps (organization_id, instance_id, backup_id, kept, bytes, effective_at, recorded_at) SELECT organization_id, instance_id, backup_id, false, 0, $2, $2 FROM backup_steps WHERE instance_id = $1", "SK002"},
	} {
		for _, role := range []string{"souk_app", "souk_system", "postgres"} {
			if code := as(t, w, role, withArgs(c.sql), v.ID, w.Clock.Now()); code != c.code {
				t.Errorf("%s by %s: SQLSTATE %q, want %s", c.what, role, code, c.code)
			}
		}
	}
	for _, sql := range []string{"UPDATE backup_steps SET bytes = 1", "DELETE FROM backup_steps", "DELETE FROM backup_segments", "UPDATE backup_segments SET bytes = 1",
		"UPDATE backup_segments SET recorded_at = recorded_at - interval '1 s'", "UPDATE backup_segments SET to_at = NULL, to_recorded_at = NULL WHERE to_at IS NOT NULL"} {
		for role, refused := range map[string]string{"postgres": "23001", "souk_system": "42501", "souk_app": "42501"} {
			if code := as(t, w, role, sql); code != refused && code != "23001" {
				t.Errorf("%s as %s: SQLSTATE %q, want %q", sql, role, code, refused)
			}
		}
	}
	mustBeClean(t, w)
}

// Whatever a superuser changes of what bills of backups are made of, is found.
func TestAuditFindsEveryCorruptionOfBackups(t *testing.T) {
	w, id := backedUpLife(t)
	mustBeClean(t, w)
	of := fmt.Sprintf("instance_id = '%s'", id)
	var all []string
	set := func(table, where string, columns ...string) {
		for _, c := range columns {
			all = append(all, "UPDATE "+table+" SET "+c+" WHERE "+where)
		}
	}
	foreign := fmt.Sprintf("'%s'", w.Globex.Organization)
	for n := range w.Count(t, "backup_steps") {
		s := fmt.Sprintf("ordinal = (SELECT ordinal FROM backup_steps ORDER BY ordinal OFFSET %d LIMIT 1)", n)
		set("backup_steps", s, "bytes = bytes + 1", "kept = NOT kept, bytes = CASE WHEN kept THEN 0 ELSE 7 END", "effective_at = effective_at - interval '1 microsecond'", "recorded_at = recorded_at + interval '1 s'",
			"organization_id = "+foreign, "instance_id = gen_random_uuid()", "backup_id = gen_random_uuid()")
		all = append(all, "DELETE FROM backup_steps WHERE "+s)
	}
	for n := range w.Count(t, "backup_segments WHERE superseded_at IS NULL") {
		s := fmt.Sprintf("id = (SELECT id FROM backup_segments WHERE superseded_at IS NULL ORDER BY from_at OFFSET %d LIMIT 1)", n)
		set("backup_segments", s, "from_at = from_at - interval '1 microsecond'", "from_at = from_at + interval '1 microsecond'", "to_at = coalesce(to_at, from_at + interval '1 h') - interval '1 microsecond', to_recorded_at = recorded_at",
			"bytes = bytes + 1", "plan_revision_id = gen_random_uuid()", "price_list_revision_id = gen_random_uuid()", "service_level = 'guaranteed'", "project_id = gen_random_uuid()", "billing_account_id = "+foreign,
			"organization_id = "+foreign, "instance_id = gen_random_uuid()", "recorded_at = recorded_at - interval '1 s'", "superseded_at = recorded_at")
		all = append(all, "DELETE FROM backup_segments WHERE "+s)
	}
	set("backup_segments", of+" AND superseded_at IS NOT NULL", "bytes = bytes + 1", "superseded_at = NULL", "superseded_at = superseded_at + interval '1 s'")
	set("backups", of+" AND state = 'completed'", "stored_bytes = stored_bytes + 1", "state = 'expired'")
	set("backups", of+" AND state = 'expiring'", "state = 'completed'")
	all = append(all, "DELETE FROM backup_segments WHERE "+of, "DELETE FROM backup_steps WHERE "+of, "DELETE FROM backups WHERE "+of)
	for _, sql := range all {
		changed, differences := corrupted(t, w, sql)
		if changed == 0 {
			t.Errorf("the corruption changes nothing, the test is wrong: %s", sql)
		} else if differences == 0 {
			t.Errorf("the audit does not notice: %s", sql)
		}
	}
	mustBeClean(t, w)
}

// A price list that was accepted before backups had a price keeps them free, until
// other terms are in force.
func TestBackupsStayFreeUntilTheirPriceIsAccepted(t *testing.T) {
	w := instancetest.New(t)
	w.Superuser(t, false, "UPDATE zone_agents SET info = jsonb_set(info, '{engines,0,backups}', 'true')")
	v := w.Ready(t, "db1")
	there(t, w, v.ID, taken(w.Clock.Now(), 1<<40))
	price := catalog.PriceEntry{Service: "postgresql", ServiceLevel: "best-effort", Item: "backup-storage", Unit: "GiB-month", Amount: "0.05"}
	w.Publish(t, append(instancetest.Prices(), price), postgresql.Package().Definition)
	w.Machine.Advance(100 * time.Hour)
	if c := cost(t, w); slices.ContainsFunc(c.Lines, func(l api.CostLine) bool { return l.Item == "backup-storage" }) {
		t.Errorf("%+v", c.Lines)
	}
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" }))
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(743 * time.Hour / 100)
	var seconds, amount string
	for _, l := range cost(t, w).Lines {
		if l.Item == "backup-storage" {
			seconds, amount = l.Seconds, l.Amount.Amount
		}
	}
	if seconds != "26748.00" || amount != "0.51" { // 1024 GiB × 0.05 × 0.01
		t.Errorf("%s s for %s", seconds, amount)
	}
	mustBeClean(t, w)
}
