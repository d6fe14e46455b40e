// Package clock tells Souk's time: real time plus an offset that development
// may raise, never going backwards.
package clock

import (
	"sync"
	"time"
)

// Clock tells business time, in UTC with microseconds.
type Clock interface {
	Now() time.Time
}

// Offset is the Clock of a running program. Its zero value is real time.
type Offset struct {
	// Real tells the machine's time; nil means time.Now.
	Real func() time.Time

	mu     sync.Mutex
	offset time.Duration
	floor  time.Time
}

// Now returns the machine's time plus the offset, or what was returned before
// if the machine's clock stepped back.
func (c *Offset) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	real := time.Now
	if c.Real != nil {
		real = c.Real
	}
	now := real().Add(c.offset).UTC().Truncate(time.Microsecond)
	if now.Before(c.floor) {
		return c.floor
	}
	c.floor = now
	return now
}

// Offset returns how far ahead of the machine's time the clock is.
func (c *Offset) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}

// Raise sets the offset and the floor, where they are higher than those in
// force; lower ones are ignored.
func (c *Offset) Raise(offset time.Duration, floor time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = max(c.offset, offset)
	if floor.After(c.floor) {
		c.floor = floor.UTC().Truncate(time.Microsecond)
	}
}

// Manual is a Clock for tests, moved by hand. Its zero value is 2026-01-01.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time that was set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now.IsZero() {
		m.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return m.now
}

// Set moves the clock to t.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = t.UTC().Truncate(time.Microsecond)
}

// Advance moves the clock forward and returns the new time.
func (m *Manual) Advance(d time.Duration) time.Time {
	t := m.Now().Add(d)
	m.Set(t)
	return t
}
