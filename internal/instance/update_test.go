package instance_test

import (
	"context"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
)

func TestBadUpdatesAreRefusedAndChangeNothing(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1", func(s *api.InstanceSpec) { s.StorageGiB = 20 })
	w.Superuser(t, false, "UPDATE zones SET capacity_storage_gib = 60; UPDATE organizations SET quota_cpu_millis = 600")
	update := func(f func(*api.InstanceSpec)) command {
		return on("db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 20; f(s) }))
	}
	for _, c := range []struct {
		what        string
		update      command
		code, field string
	}{
		{"an instance that does not exist", on("db2", w.Update()), "not-found", ""},
		{"SQL for a name", on("' OR ''='", w.Update()), "not-found", ""},
		{"a shrunk storage", update(func(s *api.InstanceSpec) { s.StorageGiB = 19 }), "invalid", "body.spec.storageGiB"},
		{"negative storage", update(func(s *api.InstanceSpec) { s.StorageGiB = -20 }), "invalid", "body.spec.storageGiB"},
		{"more storage than the plan's most", update(func(s *api.InstanceSpec) { s.StorageGiB = 501 }), "invalid", "body.spec.storageGiB"},
		{"an unknown plan", update(func(s *api.InstanceSpec) { s.Plan = "gigantic" }), "invalid", "body.spec.plan"},
		{"another service", update(func(s *api.InstanceSpec) { s.Service = "redis" }), "invalid", "body.spec.service"},
		{"another zone", update(func(s *api.InstanceSpec) { s.Zone = "abroad" }), "invalid", "body.spec.zone"},
		{"another service level", update(func(s *api.InstanceSpec) { s.ServiceLevel = "guaranteed" }), "invalid", "body.spec.serviceLevel"},
		{"a parameter off the list", update(func(s *api.InstanceSpec) { s.Parameters = map[string]any{"fsync": false} }), "invalid", "body.spec.parameters.fsync"},
		{"a network that is none", update(func(s *api.InstanceSpec) { s.AllowedNetworks = []string{"10.0.0.0/33"} }), "invalid", "body.spec.allowedNetworks[0]"},
		{"more than the zone has", update(func(s *api.InstanceSpec) { s.StorageGiB = 61 }), "zone-full", ""},
		{"more than the quota", update(func(s *api.InstanceSpec) { s.Plan = "large" }), "over-quota", ""},
		{"a version that is not the present one", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
			return w.Service.Update(ctx, tx, p, "db1", instancetest.Put(), func(version int64) error {
				if version != 7 {
					return problem.Stale()
				}
				return nil
			})
		}, "stale", ""},
	} {
		t.Run(c.what, func(t *testing.T) { mustRefuse(t, w, c.code, c.field, c.update) })
	}
}

func TestUpdateThatChangesNothingWritesNothing(t *testing.T) {
	w := instancetest.New(t)
	full := func(s *api.InstanceSpec) {
		s.Parameters, s.DisplayName = map[string]any{"work_mem": 8192, "random_page_cost": 1.1, "log_lock_waits": true}, "mine"
		s.AllowedNetworks = []string{"10.0.0.0/8"}
	}
	w.Ready(t, "db1", full)
	for what, f := range map[string]func(*api.InstanceSpec){
		"the same": func(*api.InstanceSpec) {},
		"the same, said otherwise": func(s *api.InstanceSpec) {
			s.AllowedNetworks, s.DisplayName = []string{"10.9.9.9/8", "10.0.0.0/8"}, " mine "
		},
		"what may be left out left": func(s *api.InstanceSpec) { s.Service, s.Zone, s.StorageGiB, s.Plan = "", "", 0, "" },
	} {
		t.Run(what, func(t *testing.T) { keeps(t, w, on("db1", w.Update(full, f))) })
	}
}

// An update of what the zone does not care about makes no command and no
// generation, but a version, an audit record and a change for watchers.
func TestUpdateOfWordsIsNotForTheZone(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	before := w.Snapshot(t)
	u := w.Act(t, "db1", func(ctx context.Context, tx store.Tx, p instance.Place, name string) (instance.View, error) {
		put := instancetest.Put(func(s *api.InstanceSpec) { s.DisplayName = "mine" })
		put.Metadata.Labels = map[string]string{"team": "a"}
		return w.Service.Update(ctx, tx, p, name, put, instancetest.AnyVersion)
	})
	changesOnly(t, w, before, "instances", "instance_labels", "audit_events", "instance_events", "changes")
	if u.Generation != v.Generation || u.Version != v.Version+1 || u.Phase != "Ready" || u.DisplayName != "mine" {
		t.Errorf("became %+v", u)
	}
	if n := w.Count(t, "changes WHERE NOT desired AND at = (SELECT max(at) FROM changes)"); n == 0 {
		t.Error("the zone was told")
	}
}

func TestResizeIsUpdatingUntilInForce(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1")
	v := w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "large", 50 }))
	if v.Phase != "Updating" || v.Generation != 2 || v.AppliedPlan != "small" || v.AppliedStorageGib != 10 {
		t.Errorf("after the command: %+v", v)
	}
	if n := w.Count(t, "reservations WHERE cpu_millis = 1000 AND memory_mib = 2048 AND storage_gib = 50"); n != 1 {
		t.Error("the new size is not reserved")
	}
	if v = w.Report(t, v.ID, driver.StateRunning); v.Phase != "Ready" || v.AppliedPlan != "large" || v.AppliedStorageGib != 50 {
		t.Errorf("after the report: %+v", v)
	}
	if v = w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 50 })); v.Plan != "small" {
		t.Errorf("down again: %+v", v)
	}
	if n := w.Count(t, "zone_use WHERE cpu_millis = 250 AND storage_gib = 50"); n != 1 {
		t.Error("the zone still keeps room for the larger plan")
	}
}

// Where a zone cannot grow storage, the instance goes on with what it has.
func TestGrowthThatIsRefusedIsTakenBack(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1")
	w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 20 }))
	back := on("db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 10 }))
	mustRefuse(t, w, "invalid", "body.spec.storageGiB", back) // it may be growing
	f := w.Fact(t, v.ID, driver.StateRunning)
	f.Observation.Generation, f.Observation.StorageGiB, f.Observation.BlockedBy, f.Observation.Message = v.Generation, 10, "you", "It cannot grow."
	w.Apply(t, f)
	mustRefuse(t, w, "invalid", "body.spec.storageGiB", on("db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 9 })))
	if v = w.Must(t, back); v.StorageGib != 10 {
		t.Errorf("it is to have %d GiB", v.StorageGib)
	}
	w.Report(t, v.ID, driver.StateRunning)
	mustAudit(t, w)
}

// An organization whose quota was lowered below what it uses can still make
// things smaller, and nothing larger.
func TestSmallerIsAllowedOverQuota(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1", func(s *api.InstanceSpec) { s.Plan = "large" })
	w.Superuser(t, false, "UPDATE organizations SET quota_cpu_millis = 100, quota_memory_mib = 100, quota_storage_gib = 5")
	mustRefuse(t, w, "over-quota", "", on("db1", w.Update(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "large", 20 })))
	if v := w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" })); v.Plan != "medium" {
		t.Errorf("still %s", v.Plan)
	}
}

func TestPreviewsWriteNothing(t *testing.T) {
	w := instancetest.New(t)
	w.Ready(t, "db1")
	before := w.Snapshot(t)
	err := w.As(t, w.Acme, func(tx store.Tx) error {
		order, err := w.Preview(t.Context(), tx, w.Acme, instancetest.Order("db2"))
		if err != nil {
			return err
		}
		// March 2026 in Zurich has 743 hours: 743 × 0.02 + 10 × 0.20.
		if order.Action != "create" || order.Cost.After.Month.Amount != "16.86" || order.Cost.MonthDelta.Amount != "16.86" {
			t.Errorf("ordering would %s at %+v", order.Action, order.Cost)
		}
		update, err := w.PreviewUpdate(t.Context(), tx, w.Acme, "db1", instancetest.Put(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "medium", 15 }))
		if err != nil {
			return err
		}
		if update.Action != "update" || update.Cost.MonthDelta.Amount != "15.86" || len(update.Changes) != 2 || len(update.Effects) != 1 {
			t.Errorf("updating would %+v", update)
		}
		none, err := w.PreviewUpdate(t.Context(), tx, w.Acme, "db1", instancetest.Put())
		if err == nil && (none.Action != "none" || len(none.Changes) != 0 || none.Cost.MonthDelta.Amount != "0.00") {
			t.Errorf("no change would %+v", none)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, w, before)
}
