package fake

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"souk/internal/driver"
)

// These methods make things happen to instances that a real zone's would suffer.

// Crash has an instance's engine end by itself; the next Ensure mends it.
func (d *Driver) Crash(id string) {
	d.change(id, func(i *instance) {
		i.state, i.message = driver.StateDegraded, "The instance's engine ended unexpectedly and is being started again."
	})
}

// LoseData has an instance's data vanish.
func (d *Driver) LoseData(id string) {
	d.change(id, func(i *instance) { i.lost, i.state, i.marks = true, driver.StateFailed, nil })
}

// Fill sets how much an instance's data occupies, in bytes.
func (d *Driver) Fill(id string, used int64) {
	d.change(id, func(i *instance) { i.used = used })
}

// change alters an instance and tells of it. An event that nobody has read
// among a thousand others is dropped, as resyncs make up for it.
func (d *Driver) change(id string, f func(*instance)) {
	d.mu.Lock()
	found := d.instances[id]
	if found != nil {
		f(found)
	}
	d.mu.Unlock()
	if found == nil {
		return
	}
	select {
	case d.events <- id:
	default:
	}
}

// Session is what a client of a simulated instance can do: remember marks.
type Session struct {
	driver *Driver
	id     string
}

// Login is what a client at an address would try; the error says why it cannot
// get in.
func (d *Driver) Login(id string, from netip.Addr, login, password string) (*Session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found := d.instances[id]
	if found == nil || found.state != driver.StateRunning {
		return nil, errors.New("nobody answers")
	}
	allowed := slices.ContainsFunc(found.want.AllowedNetworks, func(network string) bool {
		prefix, err := netip.ParsePrefix(network)
		return err == nil && prefix.Contains(from)
	})
	if !allowed {
		return nil, fmt.Errorf("%s may not connect", from)
	}
	known := slices.ContainsFunc(found.want.Credentials, func(c driver.Credential) bool {
		return c.Login == login && c.Password == password
	})
	if !known {
		return nil, errors.New("wrong log-in or password")
	}
	return &Session{d, id}, nil
}

// Put leaves a mark in the instance's data.
func (s *Session) Put(mark string) {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	if found := s.driver.instances[s.id]; found != nil {
		found.marks = append(found.marks, mark)
	}
}

// Has says whether a mark is there.
func (s *Session) Has(mark string) bool {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	found := s.driver.instances[s.id]
	return found != nil && slices.Contains(found.marks, mark)
}
