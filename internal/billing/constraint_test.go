package billing_test

import (
	"testing"
	"time"

	"souk/internal/driver"
	"souk/internal/instance/instancetest"
)

// The database itself refuses every chain that has an overlap, a gap, another
// start than the order, an early end, or no link at all, whoever writes it.
func TestDatabaseRefusesBrokenChains(t *testing.T) {
	w := instancetest.New(t)
	v := w.Order(t, "db1")
	w.Machine.Advance(time.Hour)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Hour)
	now := w.Clock.Now()
	// insert adds a link like the open one, from $2 to what is said.
	insert := func(to string) string {
		return `INSERT INTO segments SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, $2, ` + to + `, state, compute_billed, storage_billed, plan_revision_id,
			price_list_revision_id, service_level, storage_gib, $2, CASE WHEN (` + to + `)::timestamptz IS NOT NULL THEN $2::timestamptz END, NULL FROM segments WHERE instance_id = $1 AND to_at IS NULL AND superseded_at IS NULL; `
	}
	const open = "instance_id = $1 AND to_at IS NULL AND superseded_at IS NULL"
	const closeOpen = "UPDATE segments SET to_at = $2::timestamptz - interval '1 minute', to_recorded_at = $2 WHERE " + open
	for _, c := range []struct{ what, sql, code string }{
		{"a second open link", insert("NULL"), "23P01"},
		{"an overlap in the past", insert("$2::timestamptz + interval '1 minute'"), "23P01"},
		{"a closed end", closeOpen, "SK002"},
		{"an end that lies before its start", "UPDATE segments SET to_at = from_at - interval '1 second', to_recorded_at = $2 WHERE " + open, "23514"},
		{"an empty link", "UPDATE segments SET to_at = from_at, to_recorded_at = $2 WHERE " + open, "23514"},
		{"an end without its time of record", "UPDATE segments SET to_at = $2 WHERE " + open, "23514"},
		{"no link at all any more", "UPDATE segments SET superseded_at = $2 WHERE instance_id = $1", "SK002"},
		{"a missing end", "UPDATE segments SET superseded_at = $2 WHERE " + open, "SK002"},
		{"a missing start", "UPDATE segments SET superseded_at = $2 WHERE instance_id = $1 AND to_at IS NOT NULL", "SK002"},
	} {
		for _, role := range []string{"souk_app", "souk_system", "postgres"} {
			t.Run(c.what+" by "+role, func(t *testing.T) {
				before := w.Snapshot(t)
				if code := as(t, w, role, withArgs(c.sql), v.ID, now); code != c.code {
					t.Errorf("SQLSTATE %q, want %s", code, c.code)
				}
				if after := w.Snapshot(t); after["segments"] != before["segments"] {
					t.Error("the chain has changed")
				}
			})
		}
	}
}

// withArgs has both arguments occur, so that every statement takes the same ones.
func withArgs(sql string) string {
	return "WITH args AS (SELECT $1::uuid, $2::timestamptz) " + sql
}

// A gap needs two statements: the open link is closed and the next begins later.
func TestDatabaseRefusesAGap(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	const next = `WITH closed AS (
			UPDATE segments SET to_at = $2, to_recorded_at = $2 WHERE instance_id = $1 AND to_at IS NULL AND superseded_at IS NULL RETURNING *
		) INSERT INTO segments SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, $2::timestamptz + $3::interval, NULL, state, compute_billed, storage_billed,
			plan_revision_id, price_list_revision_id, service_level, storage_gib, $2, NULL, NULL FROM closed`
	for _, c := range []struct{ what, gap, code string }{{"a gap", "1 microsecond", "SK002"}, {"none", "0", ""}} {
		for _, role := range []string{"souk_app", "souk_system", "postgres"} {
			w.Machine.Advance(time.Minute)
			if code := as(t, w, role, next, v.ID, w.Clock.Now(), c.gap); code != c.code {
				t.Errorf("%s by %s: SQLSTATE %q, want %q", c.what, role, code, c.code)
			}
		}
	}
}

// Nobody changes or deletes what is on record.
func TestRecordsOnlyGrow(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	w.Report(t, v.ID, driver.StateFailed)
	w.Machine.Advance(time.Hour)
	w.Apply(t, instancetest.Late(w.Fact(t, v.ID, driver.StateRunning), 30*time.Minute))
	for _, sql := range []string{
		"UPDATE commands SET storage_gib = 1", "DELETE FROM commands",
		"UPDATE facts SET effective_at = effective_at", "DELETE FROM facts",
		"UPDATE audit_events SET actor = 'nobody'", "DELETE FROM audit_events",
		"DELETE FROM segments",
		"UPDATE segments SET storage_gib = 1", "UPDATE segments SET from_at = from_at + interval '1 s'", "UPDATE segments SET compute_billed = false WHERE compute_billed",
		"UPDATE segments SET recorded_at = recorded_at - interval '1 s'", "UPDATE segments SET state = 'failed' WHERE state <> 'failed'",
		"UPDATE segments SET to_at = to_at + interval '1 s' WHERE to_at IS NOT NULL", "UPDATE segments SET to_at = NULL, to_recorded_at = NULL WHERE to_at IS NOT NULL",
		"UPDATE segments SET superseded_at = NULL WHERE superseded_at IS NOT NULL", "UPDATE segments SET superseded_at = superseded_at + interval '1 s' WHERE superseded_at IS NOT NULL",
		"UPDATE segments SET to_recorded_at = to_recorded_at - interval '1 s' WHERE to_at IS NOT NULL",
		"UPDATE package_revisions SET definition = '{}'", "DELETE FROM plan_revisions", "UPDATE plan_revisions SET cpu_millis = 1", "UPDATE prices SET amount = 0", "DELETE FROM prices",
		"UPDATE price_list_revisions SET currency = 'EUR'", "UPDATE offering_revisions SET withdrawn = true",
	} {
		for role, refused := range map[string][]string{"postgres": {"23001"}, "souk_system": {"23001", "42501"}, "souk_app": {"23001", "42501"}} {
			code := as(t, w, role, sql)
			if code != refused[0] && (len(refused) == 1 || code != refused[1]) {
				t.Errorf("%s as %s: SQLSTATE %q, want %q", sql, role, code, refused)
			}
		}
	}
}
