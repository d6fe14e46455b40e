package process

import (
	"context"
	"net"
	"strconv"

	"souk/internal/driver"
)

// Prober is an Engine whose instances can be tried as their clients use them.
type Prober interface {
	// Probe returns how the instance is tried; nil where nobody may connect.
	Probe(host *Host, want driver.Instance) *driver.Probe
}

var _ driver.Prober = (*Driver)(nil)

// Probe implements driver.Prober.
func (d *Driver) Probe(_ context.Context, want driver.Instance) (*driver.Probe, error) {
	u, err := d.known(want.ID)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	r := u.record
	u.mu.Unlock()
	prober, ok := d.engines[r.Service].(Prober)
	if !ok || r.Stopped || r.Generation == 0 {
		return nil, nil
	}
	return prober.Probe(d.host(u), want), nil
}

// ClientAddress is the host and port that clients are told.
func (h *Host) ClientAddress() string { return net.JoinHostPort(h.names[0], strconv.Itoa(h.Port)) }
