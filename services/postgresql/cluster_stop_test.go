//go:build e2e

package postgresql

import (
	"testing"
	"time"

	"souk/internal/driver"
)

// TestClusterStopOfWhatIsNotWell: an instance that has lost a member, which
// CloudNativePG does not hibernate, stops in bounded time all the same: its
// clients are out, and its rows are there afterwards.
func TestClusterStopOfWhatIsNotWell(t *testing.T) {
	p := newPlace(t, "fault-stop")
	want := p.order()
	want.ServiceLevel = guaranteed
	seen := p.running(want)
	conn := p.user(want, seen.Endpoint)
	p.exec(conn, "CREATE TABLE kept AS SELECT generate_series(1, 100)")
	p.make(core("resourcequotas"), "souk-"+want.ID, `{apiVersion: v1, kind: ResourceQuota, metadata: {name: two}, spec: {hard: {pods: "2"}}}`)
	for _, m := range seen.Members {
		if m.Role == driver.RoleReplica {
			p.damage(core("pods"), want, m.Name, "")
			break
		}
	}
	p.until(want, func(seen driver.Observation, err error) bool { return err == nil && seen.State == driver.StateDegraded })
	begun := time.Now()
	stopped, err := p.Stop(t.Context(), *want)
	if err != nil || stopped.State != driver.StateStopped {
		t.Fatalf("%s, %v", stopped.State, err)
	}
	if took := time.Since(begun); took > 3*time.Minute {
		t.Errorf("it took %v", took)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a client is still in")
	}
	if again, err := p.Stop(t.Context(), *want); err != nil || again.State != driver.StateStopped {
		t.Errorf("stopped again: %s, %v", again.State, err)
	}
	p.gone(core("resourcequotas"), "souk-"+want.ID, "two")
	seen = p.running(want)
	if got := count(t, p.user(want, seen.Endpoint), "kept"); got != 100 {
		t.Errorf("%d rows are left", got)
	}
}
