// Package ratelimit bounds how often each of many askers may ask, in bounded
// memory.
package ratelimit

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rate is so many requests a second, with bursts.
type Rate struct {
	PerSecond float64
	Burst     int
}

// maxKeys bounds the memory: whoever has not asked for longest is forgotten,
// which at most gives them a full burst again.
const maxKeys = 16384

// Limiter limits each key by itself.
type Limiter struct {
	rate Rate
	now  func() time.Time
	max  int

	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *bucket, the latest asker in front
}

type bucket struct {
	key     string
	limiter *rate.Limiter
}

// New returns a limiter by the machine's clock.
func New(r Rate) *Limiter {
	return &Limiter{rate: r, now: time.Now, max: maxKeys, keys: map[string]*list.Element{}, order: list.New()}
}

// Allow counts one request of the key. Where there are too many it returns how
// long to wait.
func (l *Limiter) Allow(key string) (bool, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, now := l.bucket(key), l.now()
	if b.AllowN(now, 1) {
		return true, 0
	}
	return false, l.wait(b, now)
}

// wait is at least a second: the header that carries it knows no less.
func (l *Limiter) wait(b *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - b.TokensAt(now)
	return max(time.Second, time.Duration(missing/l.rate.PerSecond*float64(time.Second)))
}

func (l *Limiter) bucket(key string) *rate.Limiter {
	if e, ok := l.keys[key]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*bucket).limiter
	}
	b := &bucket{key, rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)}
	l.keys[key] = l.order.PushFront(b)
	if l.order.Len() > l.max {
		oldest := l.order.Remove(l.order.Back()).(*bucket)
		delete(l.keys, oldest.key)
	}
	return b.limiter
}
