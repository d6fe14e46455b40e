package process

import (
	"context"

	"souk/internal/driver"
	"souk/internal/shim"
)

// Counting is an Engine whose server counts what is billed.
type Counting interface {
	// Counters asks the server once. It waits for none that is starting.
	Counters(ctx context.Context, host *Host) ([]driver.Counter, error)
}

var _ driver.Counting = (*Driver)(nil)

// Counters implements driver.Counting.
func (d *Driver) Counters(ctx context.Context, id string) ([]driver.Counter, error) {
	u, err := d.known(id)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	r, connected, running := u.record, u.connected, u.status.State == shim.Running
	u.mu.Unlock()
	counting, ok := d.engines[r.Service].(Counting)
	if !ok || r.Stopped || r.Generation == 0 || !connected || !running {
		return nil, nil
	}
	return counting.Counters(ctx, d.host(u))
}

// Instance is the ID of the instance.
func (h *Host) Instance() string { return h.unit.id }
