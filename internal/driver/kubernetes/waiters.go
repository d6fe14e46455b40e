package kubernetes

import (
	"context"
	"sync"
)

// waiters wakes calls that wait for an instance's objects to change.
type waiters struct {
	mu   sync.Mutex
	byID map[string]chan struct{}
}

// next returns a channel that is closed at the next change of an instance.
func (w *waiters) next(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID == nil {
		w.byID = map[string]chan struct{}{}
	}
	c, ok := w.byID[id]
	if !ok {
		c = make(chan struct{})
		w.byID[id] = c
	}
	return c
}

func (w *waiters) wake(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.byID[id]; ok {
		close(c)
		delete(w.byID, id)
	}
}

// until looks at an instance at once and after each of its changes, until what
// it looks for is there, it fails, or ctx ends.
func (w *waiters) until(ctx context.Context, id string, there func() (bool, error)) error {
	for {
		changed := w.next(id)
		ok, err := there()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
