package process

import "sync"

// events passes on the IDs of instances that changed, each once however often
// it changed, so that a slow reader costs no memory.
type events struct {
	out chan string

	mu      sync.Mutex
	pending map[string]bool
	order   []string
	wake    chan struct{}
}

func newEvents() *events {
	return &events{out: make(chan string), pending: map[string]bool{}, wake: make(chan struct{}, 1)}
}

func (e *events) add(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.pending[id] {
		return
	}
	e.pending[id] = true
	e.order = append(e.order, id)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *events) next() (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.order) == 0 {
		return "", false
	}
	id := e.order[0]
	e.order = e.order[1:]
	delete(e.pending, id)
	return id, true
}

// pump hands events out until stop is closed.
func (e *events) pump(stop <-chan struct{}) {
	for {
		id, ok := e.next()
		if !ok {
			select {
			case <-e.wake:
				continue
			case <-stop:
				return
			}
		}
		select {
		case e.out <- id:
		case <-stop:
			return
		}
	}
}
