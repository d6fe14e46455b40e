package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

var keyClock = []byte("clock")

// soukClock is Souk's clock as far as this agent knows: the machine's clock
// and an offset that never becomes smaller.
type soukClock struct {
	offset atomic.Int64

	mu    sync.Mutex
	moves []move // since this process began, the oldest first
}

// move is one of Souk's clock against the machine's.
type move struct {
	at     time.Time // by the machine's
	before time.Duration
}

// mostMoves is how many are remembered.
const mostMoves = 100

// then is what Souk's clock said at a moment of the machine's, as far as that is known.
func (c *soukClock) then(real time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.moves {
		if real.Before(m.at) {
			return timestamp(real.Add(m.before))
		}
	}
	return c.at(real)
}

// move is raise at a moment of the machine's clock.
func (c *soukClock) move(offset time.Duration, real time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := time.Duration(c.offset.Load())
	if offset <= before {
		return
	}
	if c.moves = append(c.moves, move{real, before}); len(c.moves) > mostMoves {
		c.moves = c.moves[1:]
	}
	c.raise(offset)
}

func (c *soukClock) at(real time.Time) time.Time {
	return timestamp(real.Add(time.Duration(c.offset.Load())))
}

func (c *soukClock) raise(offset time.Duration) {
	for {
		old := c.offset.Load()
		if int64(offset) <= old || c.offset.CompareAndSwap(old, int64(offset)) {
			return
		}
	}
}

// Offset is how far Souk's clock is ahead of the machine's.
func (s *Store) Offset() time.Duration { return time.Duration(s.clock.offset.Load()) }

// SoukTime is what Souk's clock said at a moment of the machine's: where it was moved
// since, that is what it said before.
func (s *Store) SoukTime(real time.Time) time.Time { return s.clock.then(real) }

// RaiseOffset makes the offset durable and uses it. A smaller one than is
// known already is ignored.
func (s *Store) RaiseOffset(offset time.Duration) error {
	if offset <= s.Offset() {
		return nil
	}
	err := s.writes.do(func(tx *bolt.Tx) error { return s.putOffset(tx, offset) })
	if err != nil {
		return err
	}
	s.clock.move(offset, s.now())
	return nil
}

func (s *Store) putOffset(tx *bolt.Tx, offset time.Duration) error {
	if offset <= s.Offset() {
		return nil
	}
	return s.put(tx, bucketMeta, keyClock, offset)
}

// loadClock takes up the offset on disk. One that cannot be read is learned
// again with the next hello; until then no instance's facts go back in time,
// because each remembers its last.
func (s *Store) loadClock() error {
	var offset time.Duration
	err := s.db.View(func(tx *bolt.Tx) error {
		_, err := s.get(tx, bucketMeta, keyClock, &offset)
		return err
	})
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		s.log.Error("the clock offset on disk is damaged and will be learned again", "error", err)
		return nil
	}
	s.clock.raise(offset)
	return err
}

// timestamp is t as the record keeps it.
func timestamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
