package instance_test

import (
	"context"
	"testing"
	"time"

	"souk/api"
	"souk/internal/clock"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

func TestProtectionRefusesDeletion(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1", func(s *api.InstanceSpec) { s.Protected = nil })
	mustRefuse(t, w, "protected", "", on("db1", w.Delete))
	off := func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
		return w.Protect(ctx, tx, p, name, false)
	}
	u := w.Act(t, "db1", off)
	if u.Protected || u.Version != v.Version+1 || u.Generation != v.Generation {
		t.Errorf("unprotected: %+v", u)
	}
	keeps(t, w, on("db1", off))
	if d := w.Act(t, "db1", w.Delete); d.Phase != "Deleting" {
		t.Errorf("deleted: %+v", d)
	}
}

// A deleted instance keeps its name, data, address and log-ins, and costs
// nothing but its storage from the moment the deletion was accepted.
func TestDeleteAndUndelete(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	d := w.Act(t, "db1", w.Delete)
	if d.Phase != "Deleting" || d.PurgeAt == nil || !d.PurgeAt.Equal(w.Clock.Now().Add(7*24*time.Hour)) || !d.DeletedAt.Equal(w.Clock.Now()) {
		t.Errorf("after the command: %+v", d)
	}
	keeps(t, w, on("db1", w.Delete))
	w.Machine.Advance(time.Minute)
	if d = w.Report(t, v.ID, driver.StateStopped); d.Phase != "Deleted" {
		t.Errorf("after the report: %+v", d)
	}
	mustRefuse(t, w, "name-taken", "", ordering(instancetest.Order("db1"), w.Service))
	for what, c := range map[string]command{
		"update":  on("db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 20 })),
		"suspend": on("db1", w.Suspend),
		"resume":  on("db1", w.Resume),
		"binding": binding(w, "create", "db1", "b"),
		"rotate":  binding(w, "rotate", "db1", "default"),
	} {
		t.Run(what+" while deleted", func(t *testing.T) { mustRefuse(t, w, "deleted", "", c) })
	}
	u := w.Act(t, "db1", w.Undelete)
	if u.Phase != "Updating" || u.PurgeAt != nil || u.DeletedAt != nil || u.ActiveGeneration != u.Generation {
		t.Errorf("undeleted: %+v", u)
	}
	keeps(t, w, on("db1", w.Undelete))
	if u = w.Report(t, v.ID, driver.StateRunning); u.Phase != "Ready" || string(u.Instance.Endpoint) != string(v.Instance.Endpoint) || u.ID != v.ID {
		t.Errorf("ready again: %+v", u)
	}
	if n := w.Count(t, "credentials WHERE revoked_at IS NULL AND login = 'default_1'"); n != 1 {
		t.Error("the log-in is gone")
	}
}

func TestUndeleteAsksTheQuotaAgain(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1")
	w.Superuser(t, false, "UPDATE organizations SET quota_instances = 1")
	keeps(t, w, on("db1", w.Undelete))
	w.Act(t, "db1", w.Delete)
	w.Order(t, "db2")
	mustRefuse(t, w, "over-quota", "", on("db1", w.Undelete))
	w.Superuser(t, false, "UPDATE organizations SET quota_instances = 0")
	keeps(t, w, on("db2", w.Undelete)) // it is not deleted: there is nothing to refuse
}

func TestPurgeByTheClock(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Act(t, "db1", w.Delete)
	w.Report(t, v.ID, driver.StateStopped)
	w.Machine.Advance(instance.Retention - time.Microsecond)
	before := w.Snapshot(t)
	if w.PurgeDue(t) {
		t.Error("it was purged before its time")
	}
	unchanged(t, w, before)
	w.Machine.Advance(time.Microsecond)
	if !w.PurgeDue(t) || w.PurgeDue(t) {
		t.Error("it has to be purged when its time has come, once")
	}
	p := w.View(t, v.ID)
	if p.Phase != "Deleted" || p.Intent != "purged" || p.Message != "Being removed for good." {
		t.Errorf("being purged: %+v", p)
	}
	for what, c := range map[string]struct {
		code string
		command
	}{
		"undelete": {"purged", on("db1", w.Undelete)},
		"update":   {"purged", on("db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 20 }))},
		"suspend":  {"purged", on("db1", w.Suspend)},
		"resume":   {"purged", on("db1", w.Resume)},
		"binding":  {"purged", binding(w, "create", "db1", "b")},
		"order":    {"name-taken", ordering(instancetest.Order("db1"), w.Service)},
	} {
		t.Run(what+" while being purged", func(t *testing.T) { mustRefuse(t, w, c.code, "", c.command) })
	}
	keeps(t, w, on("db1", w.Delete))
	w.Machine.Advance(time.Minute)
	if p = w.Report(t, v.ID, driver.StateGone); p.Phase != "Purged" || p.PurgedAt == nil {
		t.Errorf("purged: %+v", p)
	}
	if n := w.Count(t, "segments WHERE superseded_at IS NULL AND to_at IS NULL"); n != 0 {
		t.Error("its chain goes on")
	}
	if n := w.Count(t, "reservations"); n != 0 {
		t.Error("it still takes room in its zone")
	}
	mustRefuse(t, w, "not-found", "", on("db1", w.Undelete))
	if again := w.Order(t, "db1"); again.ID == v.ID || again.Phase != "Pending" {
		t.Errorf("the name is not free again: %+v", again)
	}
}

// An instance stays suspended until none of its reasons is left.
func TestSuspendedForSeveralReasons(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	suspend := func(reason string) instancetest.Action {
		return func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
			return w.Service.Suspend(ctx, tx, p, name, reason)
		}
	}
	resume := func(reason string) instancetest.Action {
		return func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
			return w.Service.Resume(ctx, tx, p, name, reason)
		}
	}
	keeps(t, w, on("db1", w.Resume))
	s := w.Act(t, "db1", w.Suspend)
	if s.Phase != "Suspended" || s.Generation != v.Generation+1 {
		t.Errorf("suspended: %+v", s)
	}
	keeps(t, w, on("db1", w.Suspend))
	s2 := w.Act(t, "db1", suspend(instance.SuspendedByDunning))
	if s2.Generation != s.Generation || s2.Version != s.Version+1 || len(s2.SuspendedFor) != 2 {
		t.Errorf("suspended for two reasons: %+v", s2)
	}
	w.Report(t, v.ID, driver.StateStopped)
	if r := w.Act(t, "db1", w.Resume); r.Phase != "Suspended" || r.Generation != s.Generation || r.Intent != "suspended" {
		t.Errorf("one reason lifted: %+v", r)
	}
	mustRefuse(t, w, "suspended-for-another-reason", "", on("db1", w.Resume))

	// Deleted and brought back, it is still suspended.
	w.Act(t, "db1", w.Delete)
	if u := w.Act(t, "db1", w.Undelete); u.Phase != "Suspended" || u.Intent != "suspended" {
		t.Errorf("brought back: %+v", u)
	}
	r := w.Act(t, "db1", resume(instance.SuspendedByDunning))
	if r.Phase != "Updating" || r.Intent != "active" || len(r.SuspendedFor) != 0 || r.ActiveGeneration != r.Generation {
		t.Errorf("the last reason lifted: %+v", r)
	}
	if r = w.Report(t, v.ID, driver.StateRunning); r.Phase != "Ready" {
		t.Errorf("running again: %+v", r)
	}
}

// Others' instances look as if they did not exist.
func TestOtherOrganizationsInstancesDoNotExist(t *testing.T) {
	w := instancetest.New(t)
	w.Order(t, "db1")
	before := w.Snapshot(t)
	for _, a := range []instancetest.Action{w.Delete, w.Undelete, w.Suspend, w.Resume, w.Update(), func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
		return w.Get(ctx, tx, p, name)
	}} {
		for _, p := range []instance.Place{w.Globex, {Organization: w.Globex.Organization, Project: w.Acme.Project}} {
			err := w.As(t, w.Globex, func(tx store.Tx) error {
				_, err := a(t.Context(), tx, p, "db1")
				return err
			})
			if err == nil || err.Error() != `There is no instance named "db1" here, or you may not see it.` {
				t.Errorf("got %v", err)
			}
		}
	}
	unchanged(t, w, before)
}

// Replicas whose clocks differ never make a life go back in time: each command
// is accepted, and each fact received, no earlier than what was recorded before.
func TestClockSteppingBack(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Machine.Advance(time.Hour)
	w.Act(t, "db1", w.Suspend)
	ahead := w.Clock.Now()
	behind := &clock.Manual{}
	behind.Set(ahead.Add(-30 * time.Minute))
	w.Service = w.Replica(behind)
	r := w.Act(t, "db1", w.Resume)
	if !r.LastCommandAt.Equal(ahead) || !r.UpdatedAt.Equal(ahead) {
		t.Errorf("the later command was accepted at %s, the earlier one at %s", r.LastCommandAt, ahead)
	}
	w.Report(t, v.ID, driver.StateRunning) // effective by a clock that is ahead of the replica's
	if n := w.Count(t, "facts WHERE received_at < $1 OR effective_at < $1", ahead); n != 1 {
		t.Errorf("%d facts lie before the last command, want the one before it", n)
	}
	w.Clock.Raise(time.Minute, time.Time{})
	w.Service = w.Replica(w.Clock)
	w.Report(t, v.ID, driver.StateDegraded)
	latest := w.Clock.Now()
	w.Service = w.Replica(behind)
	if d := w.Act(t, "db1", w.Delete); d.LastCommandAt.Before(latest) {
		t.Errorf("deleted at %s, after a fact received at %s", d.LastCommandAt, latest)
	}
	if n := w.Count(t, "segments WHERE superseded_at < recorded_at OR to_recorded_at < recorded_at"); n != 0 {
		t.Errorf("%d links were superseded or closed before they were recorded", n)
	}
}
