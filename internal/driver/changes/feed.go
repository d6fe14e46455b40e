// Package changes passes on which instances changed by themselves, for drivers.
package changes

import "sync"

// Feed passes on the IDs of instances that changed, each once however often it
// changed, so that a slow reader costs no memory.
type Feed struct {
	// Out yields the IDs.
	Out chan string

	mu      sync.Mutex
	pending map[string]bool
	order   []string
	wake    chan struct{}
}

// NewFeed returns a Feed that hands out once it is pumped.
func NewFeed() *Feed {
	return &Feed{Out: make(chan string), pending: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Add says that an instance changed.
func (f *Feed) Add(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending[id] {
		return
	}
	f.pending[id] = true
	f.order = append(f.order, id)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Feed) next() (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.order) == 0 {
		return "", false
	}
	id := f.order[0]
	f.order = f.order[1:]
	delete(f.pending, id)
	return id, true
}

// Pump hands IDs out until stop is closed.
func (f *Feed) Pump(stop <-chan struct{}) {
	for {
		id, ok := f.next()
		if !ok {
			select {
			case <-f.wake:
				continue
			case <-stop:
				return
			}
		}
		select {
		case f.Out <- id:
		case <-stop:
			return
		}
	}
}
