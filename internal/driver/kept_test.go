package driver_test

import (
	"context"
	"errors"
	"testing"

	"souk/internal/driver"
)

type line struct{ lost, ended bool }

func TestKept(t *testing.T) {
	var lines []*line
	refuse := errors.New("refused")
	var dialled error
	k := driver.Keep(
		func(context.Context) (*line, error) {
			if dialled != nil {
				return nil, dialled
			}
			lines = append(lines, &line{})
			return lines[len(lines)-1], nil
		},
		func(l *line) bool { return l.lost },
		func(_ context.Context, l *line) { l.ended = true },
	)
	fine := func(*line) error { return nil }
	for _, step := range []struct {
		name   string
		do     func() error
		fails  bool
		lines  int // made so far
		inUse  int // not ended
		before func()
	}{
		{"the first try connects", func() error { return k.Try(t.Context(), fine) }, false, 1, 1, nil},
		{"the next one has the same", func() error { return k.Try(t.Context(), fine) }, false, 1, 1, nil},
		{"a new one ends by itself", func() error { return k.TryNew(t.Context(), fine) }, false, 2, 1, nil},
		{"one that failed ends", func() error { return k.Try(t.Context(), func(*line) error { return refuse }) }, true, 2, 0, nil},
		{"and is made anew", func() error { return k.Try(t.Context(), fine) }, false, 3, 1, nil},
		{"one that was lost is made anew", func() error { return k.Try(t.Context(), fine) }, false, 4, 2, func() { lines[2].lost = true }},
		{"what cannot be had is said", func() error { return k.TryNew(t.Context(), fine) }, true, 4, 2, func() { dialled = refuse }},
		{"what is kept goes on", func() error { return k.Try(t.Context(), fine) }, false, 4, 2, nil},
		{"closed", func() error { k.Close(t.Context()); return nil }, false, 4, 1, nil},
		{"and wanted again", func() error { return k.Try(t.Context(), fine) }, true, 4, 1, nil},
	} {
		if step.before != nil {
			step.before()
		}
		err := step.do()
		inUse := 0
		for _, l := range lines {
			if !l.ended {
				inUse++
			}
		}
		if (err != nil) != step.fails || len(lines) != step.lines || inUse != step.inUse {
			t.Errorf("%s: %v; %d made, %d not ended", step.name, err, len(lines), inUse)
		}
	}
}

// Who waits for another's try waits no longer than it may.
func TestKeptIsForOneAtATime(t *testing.T) {
	k := driver.Keep(func(context.Context) (int, error) { return 1, nil }, func(int) bool { return false }, func(context.Context, int) {})
	err := k.Try(t.Context(), func(int) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return k.Try(ctx, func(int) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
