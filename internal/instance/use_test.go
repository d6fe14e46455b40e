package instance_test

import (
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
)

// miscounted are organizations of which another use is on record than what their
// instances add up to.
const miscounted = `(SELECT organization_id, count(*) AS n, sum(cpu_millis) AS cpu, sum(memory_mib) AS memory, sum(i.storage_gib) AS storage
	FROM instances i JOIN plan_revisions p ON p.id = i.plan_revision_id WHERE intent IN ('active', 'suspended') GROUP BY 1) is_there
	FULL JOIN (SELECT * FROM organization_use WHERE instances > 0 OR cpu_millis <> 0 OR memory_mib <> 0 OR storage_gib <> 0) counted USING (organization_id)
	WHERE (n, cpu, memory, storage) IS DISTINCT FROM (instances, cpu_millis, memory_mib, storage_gib)`

func TestUseIsWhatCountsAtEachMoment(t *testing.T) {
	w := instancetest.New(t)
	first, second := w.Ready(t, "db1"), w.Ready(t, "db2")
	for _, step := range []struct {
		what string
		do   func()
		left int
	}{
		{"ordered", func() {}, 2},
		{"a larger plan", func() { w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.Plan = "medium" })) }, 2},
		{"more storage", func() { w.Act(t, "db1", w.Update(func(s *api.InstanceSpec) { s.StorageGiB = 50 })) }, 2},
		{"suspended", func() { w.Act(t, "db1", w.Suspend) }, 2},
		{"resumed", func() { w.Act(t, "db1", w.Resume) }, 2},
		{"deleted", func() { w.Act(t, "db1", w.Delete) }, 1},
		{"undeleted", func() { w.Act(t, "db1", w.Undelete) }, 2},
		{"the other one deleted", func() { w.Act(t, "db2", w.Delete); w.Report(t, second.ID, driver.StateStopped) }, 1},
		{"purged", func() { w.Machine.Advance(instance.Retention); w.PurgeDue(t) }, 1},
		{"both deleted", func() { w.Act(t, "db1", w.Delete); w.Report(t, first.ID, driver.StateStopped) }, 0},
	} {
		step.do()
		if n := w.Count(t, miscounted); n != 0 {
			t.Errorf("%s: the use on record is not what there is", step.what)
		}
		if n := w.Count(t, "instances WHERE intent IN ('active', 'suspended')"); n != step.left {
			t.Fatalf("%s: %d instances count, want %d", step.what, n, step.left)
		}
	}
	w.Superuser(t, false, "UPDATE organization_use SET instances = instances + 1")
	if w.Count(t, miscounted) == 0 {
		t.Error("a wrong count is not seen")
	}
}
