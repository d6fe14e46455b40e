package process

import (
	"context"
	"errors"

	"souk/internal/driver"
	"souk/internal/shim"
	"souk/internal/supervisor"
)

// Sampler is an Engine that can tell figures of its running server.
type Sampler interface {
	// Sample asks the server once. It waits for none that is starting.
	Sample(ctx context.Context, host *Host) ([]driver.Sample, error)
}

var _ driver.Sampler = (*Driver)(nil)

// Sample implements driver.Sampler.
func (d *Driver) Sample(ctx context.Context, id string) ([]driver.Sample, error) {
	u, err := d.known(id)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	r, storage, connected, status, certified := u.record, u.storage, u.connected, u.status, u.certified
	u.mu.Unlock()
	if r.Stopped || r.Generation == 0 || !connected {
		return nil, nil
	}
	samples := given(r, storage)
	if !certified.IsZero() {
		samples = append(samples, driver.Sample{Name: driver.MetricCertificate, Value: certified.Sub(d.cfg.Now()).Seconds()})
	}
	usage, err := d.cfg.Supervisor.Usage(ctx, id)
	if err != nil && !errors.Is(err, supervisor.ErrNotFound) {
		return nil, err
	}
	samples = append(samples, used(usage)...)
	own, up := d.ofEngine(ctx, u, d.engines[r.Service], status.State == shim.Running)
	return append(append(samples, up...), own...), nil
}

// ofEngine asks the engine for its own figures. One that does not answer is down.
func (d *Driver) ofEngine(ctx context.Context, u *unit, engine Engine, running bool) (own, up []driver.Sample) {
	sampler, ok := engine.(Sampler)
	if !ok {
		return nil, nil
	}
	if !running {
		return nil, []driver.Sample{{Name: driver.MetricUp}}
	}
	own, err := sampler.Sample(ctx, d.host(u))
	if err != nil {
		d.cfg.Logger.Debug("an engine does not tell its figures", "instance", u.id, "error", err)
		return nil, []driver.Sample{{Name: driver.MetricUp}}
	}
	return own, []driver.Sample{{Name: driver.MetricUp, Value: 1}}
}

// given are the limits in force, and what was measured beside them.
func given(r record, s storage) []driver.Sample {
	samples := []driver.Sample{
		{Name: driver.MetricStorageLimit, Value: float64(r.StorageGiB * gib)},
		{Name: driver.MetricCPULimit, Value: float64(r.Plan.CPUMillis) / 1000},
		{Name: driver.MetricMemoryLimit, Value: float64(r.Plan.MemoryMiB << 20)},
	}
	if !s.at.IsZero() {
		samples = append(samples, driver.Sample{Name: driver.MetricStorage, Value: float64(s.used)})
	}
	return samples
}

// used are what the processes take, as far as the machine can tell.
func used(u supervisor.Usage) (samples []driver.Sample) {
	if u.CPU != nil {
		samples = append(samples, driver.Sample{Name: driver.MetricCPU, Value: u.CPU.Seconds()})
	}
	if u.MemoryBytes != nil {
		samples = append(samples, driver.Sample{Name: driver.MetricMemory, Value: float64(*u.MemoryBytes)})
	}
	return samples
}
