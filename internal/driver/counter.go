package driver

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Counting is a Driver whose instances have counters that are billed by. It is an
// optional capability: an agent asks its driver whether it has it.
type Counting interface {
	// Counters returns what an instance has counted, none for one that was stopped or
	// whose service counts nothing. An error is that of an engine that does not answer. As
	// Sample it changes nothing and waits for nothing. ErrNotFound when the instance does
	// not exist.
	Counters(ctx context.Context, instanceID string) ([]Counter, error)
}

// Counter is one that only grows for as long as the engine runs, and begins at 0 when it
// is started again.
type Counter struct {
	Meter string // of the service's package
	Value int64  // in the meter's unit
	// Own is how much Souk's own sessions have taken since this process began, over all
	// runs of the engine: it is in Value, and not billed.
	Own   int64
	Run   string    // names the engine's run: another one each time that it is started
	Since time.Time // real time at which that began
}

// Tally counts by instance what Souk's own sessions have received. The zero value is
// ready; it is safe for concurrent use.
type Tally struct {
	mu sync.Mutex
	of map[string]*atomic.Int64
}

// Of is the tally of an instance, in bytes.
func (t *Tally) Of(instanceID string) *atomic.Int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*atomic.Int64{}
	}
	if t.of[instanceID] == nil {
		t.of[instanceID] = new(atomic.Int64)
	}
	return t.of[instanceID]
}

// Conn is a connection whose received bytes are added to an instance's tally.
func (t *Tally) Conn(instanceID string, conn net.Conn) net.Conn {
	return &talliedConn{conn, t.Of(instanceID)}
}

type talliedConn struct {
	net.Conn
	received *atomic.Int64
}

// Read implements net.Conn.
func (c *talliedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}
