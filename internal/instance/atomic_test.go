package instance_test

import (
	"context"
	"errors"
	"testing"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/store"
)

// Whichever statement of a command fails, the command fails, and nothing of it
// is left: no command, link, audit record, change, event, binding, reservation.
func TestCommandsCommitTogetherOrNotAtAll(t *testing.T) {
	w := instancetest.New(t)
	v := w.Ready(t, "db1", func(s *api.InstanceSpec) { s.Protected = nil })
	w.Ready(t, "gone")
	w.Act(t, "gone", w.Delete)
	w.Ready(t, "stopped")
	w.Act(t, "stopped", w.Suspend)
	w.Ready(t, "doomed")
	w.Must(t, binding(w, "create", "db1", "app"))
	fact := w.Fact(t, v.ID, driver.StateDegraded)
	for _, c := range []struct {
		what string
		do   command
	}{
		{"order", ordering(instancetest.Order("db2"), w.Service)},
		{"update", on("db1", w.Update(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB, s.DisplayName, s.Protected = "large", 30, "x", nil }))},
		{"protect", func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
			return w.Protect(ctx, tx, p, "doomed", true)
		}},
		{"suspend", on("db1", w.Suspend)},
		{"resume", on("stopped", w.Resume)},
		{"delete", on("stopped", w.Delete)},
		{"undelete", on("gone", w.Undelete)},
		{"create binding", binding(w, "create", "db1", "b2")},
		{"reveal", binding(w, "reveal", "db1", "app")},
		{"rotate binding", binding(w, "rotate", "db1", "app")},
		{"rotate binding at once", binding(w, "rotate at once", "db1", "app")},
		{"revoke binding", binding(w, "revoke", "db1", "app")},
		{"fact", func(ctx context.Context, tx store.Tx, _ instance.Place) (instance.View, error) {
			return instance.View{}, w.Service.Apply(ctx, tx, w.Zone, 1, fact)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			before := w.Snapshot(t)
			writes := 0
			for n := 1; ; n++ {
				reached := false
				run := func(tx store.Tx) error {
					faulty, hit := instancetest.FailAt(tx, n)
					_, err := c.do(context.WithoutCancel(t.Context()), faulty, w.Acme)
					reached = hit()
					return err
				}
				var err error
				if c.what == "fact" {
					err = w.Store.System(t.Context(), run)
				} else {
					err = w.As(t, w.Acme, run)
				}
				if !reached {
					if err != nil {
						t.Fatalf("without a fault: %v", err)
					}
					break
				}
				if !errors.Is(err, instancetest.ErrInjected) {
					t.Fatalf("statement %d failed, and the command returned %v", n, err)
				}
				writes = n
			}
			// All those attempts left nothing: one command's traces are there.
			after := w.Snapshot(t)
			if len(tablesChanged(after, before)) == 0 || writes < 3 {
				t.Errorf("the command wrote nothing in %d statements", writes)
			}
		})
	}
	for what, want := range map[string]int{
		"instances": 5, "commands WHERE kind = 'order'": 5, "commands WHERE kind = 'undelete'": 1, "facts WHERE state = 'degraded'": 1,
		"audit_events WHERE action = 'instance.order'": 5, "audit_events WHERE action = 'instance.update'": 1, "audit_events WHERE action = 'credential.reveal'": 1,
		"bindings WHERE name = 'b2'": 1, "bindings WHERE name = 'app' AND revoked_at IS NOT NULL": 1, "reservations": 5,
	} {
		if n := w.Count(t, what); n != want {
			t.Errorf("%d rows in %s, want %d", n, what, want)
		}
	}
}
