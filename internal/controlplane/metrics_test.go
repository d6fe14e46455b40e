package controlplane

import (
	"context"
	"errors"
	"testing"
	"time"

	"souk/internal/store"
	"souk/internal/store/storetest"
)

// Of two processes on one record one keeps metrics itself; the other is told what to
// do, and takes over once the first has left.
func TestOnlyOneProcessKeepsMetricsItself(t *testing.T) {
	st, err := store.Open(t.Context(), storetest.NewConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	first, err := takeSolePlace(t.Context(), st.SystemPool())
	if err != nil {
		t.Fatal(err)
	}
	second := &solePlace{pool: st.SystemPool()}
	if err := second.take(t.Context()); !errors.Is(err, errNotAlone) {
		t.Fatalf("the second: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := takeSolePlace(ctx, st.SystemPool()); err == nil {
		t.Error("a second process has waited and taken the place")
	}
	first.leave()
	if second, err = takeSolePlace(t.Context(), st.SystemPool()); err != nil {
		t.Fatal(err)
	}
	second.leave()
}
