package billing_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/driver"
	"souk/internal/instance/instancetest"
)

// twoLives are one life with a late fact in it and a command that follows, and
// one that has ended.
func twoLives(t *testing.T) (*instancetest.World, uuid.UUID, uuid.UUID) {
	w := instancetest.New(t)
	v := w.Order(t, "lives")
	w.Machine.Advance(time.Minute)
	w.Report(t, v.ID, driver.StateCreating)
	w.Machine.Advance(time.Minute)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(20 * time.Minute)
	w.Report(t, v.ID, driver.StateRunning) // no transition
	w.Machine.Advance(40 * time.Minute)
	w.Act(t, "lives", w.Suspend)
	w.Machine.Advance(time.Hour)
	late := w.Fact(t, v.ID, driver.StateFailed)
	late.Observation.Generation = 1
	w.Apply(t, instancetest.Late(late, 80*time.Minute))
	w.Machine.Advance(time.Minute)
	w.Act(t, "lives", w.Resume)
	w.Machine.Advance(time.Minute)
	w.Report(t, v.ID, driver.StateRunning)
	w.Machine.Advance(time.Minute)
	w.Act(t, "lives", w.Update(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "large", 20 }))
	w.Machine.Advance(time.Minute)
	w.Report(t, v.ID, driver.StateRunning)

	g := w.Ready(t, "ended")
	w.Machine.Advance(time.Minute)
	w.Act(t, "ended", w.Delete)
	w.Report(t, g.ID, driver.StateStopped)
	w.Machine.Advance(retention)
	due(t, w)
	w.Machine.Advance(time.Minute)
	w.Report(t, g.ID, driver.StateGone)
	w.Machine.Advance(time.Minute)
	return w, v.ID, g.ID
}

func TestAuditOfACleanRecord(t *testing.T) {
	w, lives, _ := twoLives(t)
	r := audit(t, w)
	if len(r.Differences) > 0 {
		t.Errorf("it finds %+v", r.Differences)
	}
	if r.Instances != 2 || int(r.Commands) != w.Count(t, "commands") || int(r.Facts) != w.Count(t, "facts") || int(r.Segments) != w.Count(t, "segments WHERE superseded_at IS NULL") {
		t.Errorf("it counts %+v", r)
	}
	var seconds string
	w.Query(t, `SELECT sum(extract(epoch FROM coalesce(CASE WHEN i.purged_at IS NOT NULL THEN i.purged_at END, $1) - i.created_at))::text FROM instances i`,
		func(rows pgx.Rows) error { return rows.Scan(&seconds) }, w.Clock.Now())
	if r.Accounted.String()+"0000" != seconds && r.Accounted.String() != seconds {
		t.Errorf("it accounts for %s seconds; the lives lasted %s", r.Accounted, seconds)
	}
	if w.Count(t, "segments WHERE instance_id = $1 AND superseded_at IS NOT NULL", lives) == 0 {
		t.Error("nothing was superseded in these lives")
	}
}

// Whatever a superuser changes of the rows that bills are made of, is found: any
// relevant column of any kind of row, a row too few, a row too many.
func TestAuditFindsEveryCorruption(t *testing.T) {
	w, lives, ended := twoLives(t)
	other := w.Globex.Organization
	// Each is undone afterwards, so that every corruption is the only one.
	const copySegment = `INSERT INTO segments SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, from_at, to_at, state, compute_billed, storage_billed,
		plan_revision_id, price_list_revision_id, service_level, storage_gib, recorded_at, to_recorded_at, superseded_at FROM segments WHERE `
	type corruption struct{ what, sql string }
	var all []corruption
	add := func(what, sql string) { all = append(all, corruption{what, sql}) }
	set := func(table, where string, columns ...string) {
		for _, c := range columns {
			add(table+" "+c+" where "+where, "UPDATE "+table+" SET "+c+" WHERE "+where)
		}
	}
	l, e := fmt.Sprintf("'%s'", lives), fmt.Sprintf("'%s'", ended)
	another := "(SELECT id FROM plan_revisions WHERE name = 'medium')"
	foreign := fmt.Sprintf("'%s'", other)

	set("instances", "id = "+l, "created_at = created_at + interval '1 microsecond'", "generation = generation + 1", "active_generation = 1", "last_command_at = last_command_at + interval '1 s'",
		"intent = 'suspended'", "plan_revision_id = "+another, "price_list_revision_id = gen_random_uuid()", "storage_gib = storage_gib + 1", "service_level = 'guaranteed'",
		"observed_state = 'failed'", "observed_generation = 1", "held_data = false", "last_fact_at = NULL", "last_fact_at = last_fact_at - interval '1 s'", "phase = 'Suspended'", "phase = 'Purged'",
		"organization_id = "+foreign, "project_id = gen_random_uuid()")
	set("instances", "id = "+e, "phase = 'Deleted'", "intent = 'deleted'")
	for generation := range 4 {
		set("commands", fmt.Sprintf("instance_id = %s AND generation = %d", l, generation+1), "generation = 9", "active_generation = 2", "intent = 'deleted'", "kind = 'purge'", "plan_revision_id = "+another,
			"price_list_revision_id = gen_random_uuid()", "service_level = 'guaranteed'", "storage_gib = storage_gib + 5", "accepted_at = accepted_at + interval '1 s'", "accepted_at = accepted_at - interval '1 s'",
			"project_id = gen_random_uuid()", "billing_account_id = "+foreign, "organization_id = "+foreign, "instance_id = "+e, "instance_id = gen_random_uuid()")
		add(fmt.Sprintf("command %d missing", generation+1), fmt.Sprintf("DELETE FROM commands WHERE instance_id = %s AND generation = %d", l, generation+1))
	}
	set("facts", "instance_id = "+l+" AND transition", "state = 'degraded'", "generation = 0")
	for _, ordinal := range []int{1, 2, 4, 5, 6} {
		f := fmt.Sprintf("instance_id = %s AND ordinal = (SELECT ordinal FROM facts WHERE instance_id = %s ORDER BY ordinal OFFSET %d LIMIT 1)", l, l, ordinal-1)
		set("facts", f, "state = 'degraded'", "state = 'dancing'", "generation = generation + 1", "generation = generation - 1", "transition = NOT transition", "effective_at = effective_at - interval '1 microsecond'",
			"effective_at = effective_at + interval '1 microsecond'", "effective_at = received_at + interval '1 s'", "reported_at = reported_at - interval '1 s'", "received_at = effective_at - interval '1 s'",
			"observation = observation || '{\"state\": \"stopped\"}'", "observation = observation || '{\"generation\": 7}'", "organization_id = "+foreign, "instance_id = "+e, "instance_id = gen_random_uuid()")
		if ordinal > 1 { // without the first, which said that it was being made, the same is billed
			add(fmt.Sprintf("fact %d missing", ordinal), "DELETE FROM facts WHERE "+f)
		}
	}
	add("facts swapped", fmt.Sprintf("UPDATE facts a SET effective_at = b.effective_at, reported_at = b.reported_at FROM facts b WHERE a.instance_id = %s AND b.instance_id = %s AND a.sequence = b.sequence + 1 AND a.state = 'running' AND a.transition AND b.state = 'creating'", l, l))
	add("a fact too many", fmt.Sprintf(`INSERT INTO facts (zone_id, epoch, sequence, organization_id, instance_id, boot_id, state, generation, transition, effective_at, reported_at, real_at, received_at, observation)
		SELECT zone_id, 99, 1, organization_id, instance_id, boot_id, state, generation, false, effective_at + interval '1 s', effective_at + interval '1 s', real_at, received_at + interval '1 s', observation FROM facts WHERE instance_id = %s ORDER BY ordinal DESC LIMIT 1`, l))
	add("a command too many", fmt.Sprintf("INSERT INTO commands SELECT gen_random_uuid(), organization_id, instance_id, project_id, billing_account_id, 'update', generation + 1, active_generation, intent, plan_revision_id, price_list_revision_id, service_level, storage_gib, accepted_at, actor FROM commands WHERE instance_id = %s AND generation = 4", l))

	n := w.Count(t, "segments WHERE superseded_at IS NULL AND instance_id = $1", lives)
	for i := range n {
		s := fmt.Sprintf("id = (SELECT id FROM segments WHERE instance_id = %s AND superseded_at IS NULL ORDER BY from_at OFFSET %d LIMIT 1)", l, i)
		set("segments", s, "from_at = from_at - interval '1 microsecond'", "from_at = from_at + interval '1 microsecond'", "to_at = coalesce(to_at, from_at + interval '1 day') - interval '1 microsecond', to_recorded_at = recorded_at",
			"compute_billed = NOT compute_billed", "storage_billed = NOT storage_billed", "state = CASE state WHEN 'active' THEN 'resuming' ELSE 'active' END", "plan_revision_id = "+another, "price_list_revision_id = gen_random_uuid()",
			"service_level = 'guaranteed'", "storage_gib = storage_gib + 1", "project_id = gen_random_uuid()", "billing_account_id = "+foreign, "organization_id = "+foreign, "instance_id = "+e,
			"recorded_at = recorded_at - interval '1 s'", "superseded_at = recorded_at")
		if i < n-1 {
			set("segments", s, "to_at = NULL, to_recorded_at = NULL", "to_recorded_at = to_recorded_at + interval '1 s'")
		}
		add(fmt.Sprintf("link %d missing", i), "DELETE FROM segments WHERE "+s)
		add(fmt.Sprintf("link %d twice", i), copySegment+s)
	}
	set("segments", "instance_id = "+l+" AND superseded_at IS NOT NULL", "storage_gib = storage_gib + 1", "compute_billed = NOT compute_billed", "recorded_at = recorded_at - interval '1 s'", "superseded_at = superseded_at + interval '1 s'",
		"superseded_at = recorded_at - interval '1 s'", "superseded_at = NULL", "from_at = from_at + interval '1 s'")
	add("what was superseded missing", "DELETE FROM segments WHERE instance_id = "+l+" AND superseded_at IS NOT NULL")
	set("segments", "instance_id = "+e+" AND state = 'purging'", "to_at = NULL, to_recorded_at = NULL", "to_at = to_at + interval '1 s'", "storage_billed = true")
	add("no chain", "DELETE FROM segments WHERE instance_id = "+l)
	add("no facts", "DELETE FROM facts WHERE instance_id = "+l)
	add("no commands", "DELETE FROM commands WHERE instance_id = "+l)
	add("no instance", "DELETE FROM instances WHERE id = "+l)

	for _, c := range all {
		t.Run(c.what, func(t *testing.T) {
			changed, differences := corrupted(t, w, c.sql)
			if changed == 0 {
				t.Error("the corruption changes nothing: the test is wrong")
			} else if differences == 0 {
				t.Errorf("the audit does not notice: %s", c.sql)
			}
		})
	}
	mustBeClean(t, w)
}

// corrupted audits the record as it is with the corruption in it, which is then
// undone. Constraints and triggers are out of the way.
func corrupted(t *testing.T, w *instancetest.World, sql string) (changed int64, differences int) {
	t.Helper()
	ctx := context.Background()
	tx, err := w.SuperuserTx(t)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	for _, prepare := range []string{"SET LOCAL session_replication_role = replica", "ALTER TABLE segments DROP CONSTRAINT segments_no_overlap", "ALTER TABLE backup_segments DROP CONSTRAINT backup_segments_no_overlap", "ALTER TABLE commands DROP CONSTRAINT commands_instance_id_generation_key"} {
		if _, err := tx.Exec(ctx, prepare); err != nil {
			t.Fatal(err)
		}
	}
	done, err := tx.Exec(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	r, err := billing.Audit(ctx, tx, w.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return done.RowsAffected(), len(r.Differences)
}
