package kubernetes

import (
	"context"
	"errors"
	"slices"
	"time"

	"souk/internal/driver"
	"souk/internal/pki"
)

// Sampler is an Engine that can tell figures of its running server.
type Sampler interface {
	// Sample asks the pod that clients are led to once. It waits for nothing that
	// is starting.
	Sample(ctx context.Context, job *Job, primary string) ([]driver.Sample, error)
}

var _ driver.Sampler = (*Driver)(nil)

// measured is what an instance's data took when its figures were last told.
type measured struct {
	used int64
	at   time.Time
	told int64 // when the last news of it was given
}

// Sample implements driver.Sampler. Figures come by the session that roles and
// log-ins are made in: no right and no network is there for them alone.
func (d *Driver) Sample(ctx context.Context, id string) ([]driver.Sample, error) {
	rec, err := d.cached(ctx, id)
	if err != nil {
		return nil, err
	}
	if rec.Stopped || !rec.Initialised {
		return nil, nil
	}
	engine, err := d.engine(rec.Service)
	if err != nil {
		return nil, err
	}
	samples := given(rec)
	sampler, ok := engine.(Sampler)
	if !ok {
		return samples, nil
	}
	own, err := d.ofEngine(ctx, engine, sampler, rec, id)
	if err != nil {
		return nil, err
	}
	d.measure(id, rec, own)
	return append(samples, own...), nil
}

// cached is what is recorded of an instance as the cluster was last heard of, without a
// request to it.
func (d *Driver) cached(ctx context.Context, id string) (record, error) {
	if err := validID(id); err != nil {
		return record{}, err
	}
	if !d.watches.synced(ctx, namespaces) {
		return record{}, context.Cause(ctx)
	}
	ns := d.watches.get(namespaces, "", namespaceOf(id))
	if ns == nil || ns.GetDeletionTimestamp() != nil {
		return record{}, driver.ErrNotFound
	}
	return recordOf(ns), nil
}

// ofEngine asks the engine for its figures. One that does not answer is down; of
// one that cannot be asked, as while the API server is away, nothing is known.
func (d *Driver) ofEngine(ctx context.Context, engine Engine, sampler Sampler, rec record, id string) ([]driver.Sample, error) {
	want := rec.instance(id)
	if err := d.seen(ctx, engine); err != nil {
		return nil, err
	}
	engine = madeBy(engine, rec)
	now := d.view(ctx, engine, want)
	vouched := certified(now.Certificate, d.cfg.Now())
	down := append(vouched, driver.Sample{Name: driver.MetricUp})
	seen := engine.Look(now)
	if !seen.Serving {
		return down, nil
	}
	own, err := sampler.Sample(ctx, d.job(want), seen.Primary)
	if errors.Is(err, errOutOfReach) {
		return nil, err
	}
	if err != nil {
		d.log.Debug("an engine does not tell its figures", "instance", id, "error", err)
		return down, nil
	}
	own = append(own, vouched...)
	return append(own, driver.Sample{Name: driver.MetricUp, Value: 1}), nil
}

// instance is what the record says of the instance.
func (r record) instance(id string) driver.Instance {
	return driver.Instance{ID: id, Service: r.Service, Plan: r.Plan, StorageGiB: r.StorageGiB, ServiceLevel: r.Level}
}

// certified is for how long the server's certificate is good, as it was issued last:
// the server takes it up within minutes. Nothing is told of one that a zone's
// configuration makes shorter than is usual, for the alert counts on days.
func certified(text []byte, now time.Time) []driver.Sample {
	certificate, err := pki.ParseCertificate(text)
	if err != nil || certificate.NotAfter.Sub(certificate.NotBefore) < pki.ServerValidity {
		return nil
	}
	return []driver.Sample{{Name: driver.MetricCertificate, Value: certificate.NotAfter.Sub(now).Seconds()}}
}

// given are the limits in force.
func given(rec record) []driver.Sample {
	return []driver.Sample{
		{Name: driver.MetricStorageLimit, Value: float64(rec.StorageGiB << 30)},
		{Name: driver.MetricCPULimit, Value: float64(rec.Plan.CPUMillis) / 1000},
		{Name: driver.MetricMemoryLimit, Value: float64(rec.Plan.MemoryMiB << 20)},
	}
}

// measure keeps what the data takes for the next observation, and has the agent
// make one once it has moved by a hundredth of what there is.
func (d *Driver) measure(id string, rec record, samples []driver.Sample) {
	i := slices.IndexFunc(samples, func(s driver.Sample) bool { return s.Name == driver.MetricStorage })
	if i < 0 {
		return
	}
	d.mu.Lock()
	m := d.measured[id]
	m.used, m.at = int64(samples[i].Value), d.cfg.Now().UTC().Truncate(time.Microsecond)
	moved := m.told == 0 || max(m.used, m.told)-min(m.used, m.told) > rec.StorageGiB<<30/100
	if moved {
		m.told = m.used
	}
	d.measured[id] = m
	d.mu.Unlock()
	if moved {
		d.events.Add(id)
	}
}

// measuredOf is what was last measured of an instance.
func (d *Driver) measuredOf(id string) measured {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.measured[id]
}

// forgetMeasured drops what was measured of an instance that is removed.
func (d *Driver) forgetMeasured(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.measured, id)
}
