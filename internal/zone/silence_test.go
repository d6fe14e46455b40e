package zone_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"souk/internal/zone"
)

// An agent behind a line that broke without a word is not taken for one that
// listens.
func TestASilentLineIsNoticed(t *testing.T) {
	p := newPlane(t, func(c *zone.Config) { c.WriteWithin = time.Second })
	line := newLine(t, p.address)
	m := p.machine(newDriver())
	m.config.Server = "https://" + line.address
	m.Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")

	line.cut.Store(true)
	const long = 24 * time.Hour // much more than passes between two heartbeats, a minute at each look
	p.eventually("the agent is not heard any more", func() bool {
		p.Machine.Advance(time.Minute)
		return p.Count(t, "zone_agents WHERE last_seen_real < $1", p.Machine.Now().Add(-long)) == 1
	})
	line.cut.Store(false)
	p.Act(t, "db1", p.grow(id.String()))
	p.awaitPhase(id, "Ready")
	p.mustAudit()
}

// line is what agents reach a control plane through. While it is cut it takes
// what is sent, and nothing comes out.
type line struct {
	address string
	cut     atomic.Bool
}

func newLine(t *testing.T, to string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &line{address: listener.Addr().String()}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				from.Close()
				continue
			}
			go l.carry(from, there)
			go l.carry(there, from)
		}
	}()
	return l
}

// carry passes on what comes, until an end closes. What was lost is never made
// up for: a connection that was cut stays so.
func (l *line) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer, lost := make([]byte, 32<<10), false
	for {
		n, err := from.Read(buffer)
		if lost = lost || l.cut.Load(); !lost && n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
