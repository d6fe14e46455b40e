package instance_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

type command = func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error)

// on makes a command of an action on an instance.
func on(name string, a instancetest.Action) command {
	return func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return a(ctx, tx, p, name)
	}
}

// mustRefuse carries out a command that has to be refused with the code, naming
// the field where one is given, and leave every table as it was.
func mustRefuse(t *testing.T, w *instancetest.World, code, field string, c command) {
	t.Helper()
	before := w.Snapshot(t)
	_, err := w.Do(t, c)
	p := problem.As(err)
	switch {
	case p == nil:
		t.Errorf("got %v, want the problem %q", err, code)
	case p.Code != code:
		t.Errorf("got the problem %q (%v), want %q", p.Code, p, code)
	case p.Detail == "":
		t.Error("the problem says nothing")
	case field != "" && !slices.ContainsFunc(p.Fields, func(f problem.Field) bool { return f.Location == field && f.Message != "" }):
		t.Errorf("the problem names %+v, want %s", p.Fields, field)
	}
	unchanged(t, w, before)
}

// unchanged checks that every table is as it was.
func unchanged(t *testing.T, w *instancetest.World, before map[string]string) {
	t.Helper()
	if changed := tablesChanged(w.Snapshot(t), before); len(changed) > 0 {
		t.Errorf("tables %v have changed", changed)
	}
}

func tablesChanged(now, before map[string]string) []string {
	var out []string
	for _, table := range slices.Sorted(maps.Keys(now)) {
		if now[table] != before[table] {
			out = append(out, table)
		}
	}
	return out
}

// changesOnly checks which tables have changed.
func changesOnly(t *testing.T, w *instancetest.World, before map[string]string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := tablesChanged(w.Snapshot(t), before); !slices.Equal(got, want) {
		t.Errorf("tables %v have changed, want %v", got, want)
	}
}

// keeps checks that a command succeeds and writes nothing.
func keeps(t *testing.T, w *instancetest.World, c command) {
	t.Helper()
	before := w.Snapshot(t)
	if _, err := w.Do(t, c); err != nil {
		t.Error(err)
	}
	unchanged(t, w, before)
}
