package reconcile

import "sync"

// lanes orders the work: what somebody has just changed goes before what is
// only looked at again, so that an order does not wait for a pass over the
// whole fleet. It is the storage of one workqueue, which calls all methods but
// urge under its own lock.
type lanes struct {
	mu     sync.Mutex
	urgent map[string]bool // urged since it was last taken
	where  map[string]*[]string
	fast   []string
	calm   []string
}

func newLanes() *lanes {
	return &lanes{urgent: make(map[string]bool), where: make(map[string]*[]string)}
}

// urge lets the item go before calm ones; call it before adding the item.
func (l *lanes) urge(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.urgent[id] = true
}

// Push adds an item that waits in neither lane.
func (l *lanes) Push(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.push(id)
}

func (l *lanes) push(id string) {
	lane := &l.calm
	if l.urgent[id] {
		lane = &l.fast
	}
	*lane = append(*lane, id)
	l.where[id] = lane
}

// Touch moves a waiting item that was urged into the fast lane; what it leaves
// behind in the calm one is passed over.
func (l *lanes) Touch(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.urgent[id] && l.where[id] == &l.calm {
		l.push(id)
	}
}

// Len counts the items that wait.
func (l *lanes) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.where)
}

// Pop takes the next item; one must be waiting.
func (l *lanes) Pop() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lane := range []*[]string{&l.fast, &l.calm} {
		for len(*lane) > 0 {
			id := (*lane)[0]
			*lane = (*lane)[1:]
			if l.where[id] == lane {
				delete(l.where, id)
				delete(l.urgent, id)
				return id
			}
		}
	}
	panic("reconcile: nothing is waiting")
}
