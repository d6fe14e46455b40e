package reconcile

import (
	"testing"
	"time"

	"souk/internal/driver"
)

func TestWhatIsWorthAReport(t *testing.T) {
	const gib = int64(1) << 30
	base := func() driver.Observation {
		return driver.Observation{
			State: driver.StateRunning, Generation: 3, Plan: driver.Plan{Name: "small"}, StorageGiB: 100,
			Endpoint:         &driver.Endpoint{Host: "h", Port: 1},
			StorageUsedBytes: 50 * gib,
			Conditions:       []driver.Condition{{Type: "A", Status: true}, {Type: "B"}},
			Members:          []driver.Member{{Name: "a", Role: driver.RolePrimary, Ready: true, FailureDomain: "x"}, {Name: "b", Role: driver.RoleReplica, FailureDomain: "y"}},
		}
	}
	cases := []struct {
		name   string
		change func(o *driver.Observation)
		same   bool
	}{
		{"nothing", func(*driver.Observation) {}, true},
		{"measured again", func(o *driver.Observation) { o.MeasuredAt = time.Now() }, true},
		{"conditions in another order", func(o *driver.Observation) { o.Conditions[0], o.Conditions[1] = o.Conditions[1], o.Conditions[0] }, true},
		{"an equal endpoint", func(o *driver.Observation) { e := *o.Endpoint; o.Endpoint = &e }, true},
		{"a little more storage in use", func(o *driver.Observation) { o.StorageUsedBytes += gib }, true},
		{"more storage in use", func(o *driver.Observation) { o.StorageUsedBytes += gib + 1 }, false},
		{"less storage in use", func(o *driver.Observation) { o.StorageUsedBytes -= 2 * gib }, false},
		{"state", func(o *driver.Observation) { o.State = driver.StateDegraded }, false},
		{"generation", func(o *driver.Observation) { o.Generation++ }, false},
		{"plan", func(o *driver.Observation) { o.Plan.Revision++ }, false},
		{"storage", func(o *driver.Observation) { o.StorageGiB++ }, false},
		{"endpoint", func(o *driver.Observation) { o.Endpoint = &driver.Endpoint{Host: "h", Port: 2} }, false},
		{"no endpoint", func(o *driver.Observation) { o.Endpoint = nil }, false},
		{"message", func(o *driver.Observation) { o.Message = "m" }, false},
		{"who has to act", func(o *driver.Observation) { o.BlockedBy = "you" }, false},
		{"a member that is ready", func(o *driver.Observation) { o.Members[1].Ready = true }, false},
		{"another primary", func(o *driver.Observation) {
			o.Members[0].Role, o.Members[1].Role = driver.RoleReplica, driver.RolePrimary
		}, false},
		{"a member elsewhere", func(o *driver.Observation) { o.Members[1].FailureDomain = "z" }, false},
		{"restored in place", func(o *driver.Observation) { o.Rewound = &driver.Rewound{Number: 1} }, false},
		{"a member less", func(o *driver.Observation) { o.Members = o.Members[:1] }, false},
		{"another version of the engine", func(o *driver.Observation) { o.Version = "15.19" }, false},
		{"condition", func(o *driver.Observation) { o.Conditions[1].Status = true }, false},
	}
	for _, c := range cases {
		other := base()
		c.change(&other)
		if got := sameToReaders(base(), other); got != c.same {
			t.Errorf("%s: same is %v, want %v", c.name, got, c.same)
		}
	}
}

func TestCrossingAThresholdOfStorageIsWorthAReport(t *testing.T) {
	const gib = int64(1) << 30
	for _, percent := range []int64{80, 90, 95, 100} {
		below, at := percent*gib-1, percent*gib
		if sameUse(below, at, 100) || sameUse(at, below, 100) {
			t.Errorf("crossing %d %% is not reported", percent)
		}
	}
	if !sameUse(70*gib, 70*gib+1, 100) {
		t.Error("a byte is reported where no threshold is")
	}
}
