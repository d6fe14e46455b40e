package reconcile

import (
	"math/rand/v2"
	"sync"
	"time"
)

// retries is a workqueue rate limiter: the pause of each instance doubles with
// each failure in a row, and a random half of it is left out, so that instances
// that failed together do not come back together.
type retries struct {
	min, max time.Duration

	mu     sync.Mutex
	failed map[string]int
}

func newRetries(min, max time.Duration) *retries {
	return &retries{min: min, max: max, failed: make(map[string]int)}
}

// When returns how long to wait after one more failure.
func (r *retries) When(id string) time.Duration {
	r.mu.Lock()
	n := r.failed[id]
	r.failed[id] = n + 1
	r.mu.Unlock()
	pause := r.max
	if n < 32 && r.min<<n > 0 && r.min<<n < r.max {
		pause = r.min << n
	}
	return pause/2 + rand.N(pause/2+1)
}

// NumRequeues counts the failures in a row.
func (r *retries) NumRequeues(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[id]
}

// Forget begins anew, after a success or a change.
func (r *retries) Forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.failed, id)
}
