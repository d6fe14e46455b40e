//go:build e2e

package postgresql

import (
	"context"
	"testing"
	"time"

	"souk/internal/driver"
)

// figures of an instance, by name; of those with labels the sum.
func (p *place) figures(want *driver.Instance) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	samples, err := p.Sample(ctx, want.ID)
	found := map[string]float64{}
	for _, s := range samples {
		found[s.Name] += s.Value
	}
	return found, err
}

// TestClusterFigures tells the same figures as an instance that runs as processes,
// that a server does not answer, and nothing where nothing is known.
func TestClusterFigures(t *testing.T) {
	p := newPlace(t, "figures")
	want := p.order()
	seen := p.running(want)
	before, err := p.figures(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{driver.MetricUp, driver.MetricCPU, driver.MetricCPULimit, driver.MetricMemory, driver.MetricMemoryLimit, driver.MetricStorage, driver.MetricStorageLimit, "pg_settings_max_connections", "pg_database_size_bytes"} {
		if before[name] <= 0 {
			t.Errorf("%s is %v", name, before[name])
		}
	}
	if before[driver.MetricMemory] > before[driver.MetricMemoryLimit] || before[driver.MetricStorage] > 512<<20 {
		t.Errorf("%v", before)
	}
	p.exec(p.user(want, seen.Endpoint), "CREATE TABLE t AS SELECT repeat('x', 100) FROM generate_series(1, 200000)")
	after, err := p.figures(want)
	if err != nil || after[driver.MetricStorage] < before[driver.MetricStorage]+10<<20 || after[driver.MetricCPU] <= before[driver.MetricCPU] {
		t.Errorf("after 20 MB were written: %v, before: %v (%v)", after, before, err)
	}
	if observed, err := p.Observe(t.Context(), want.ID); err != nil || observed.StorageUsedBytes != int64(after[driver.MetricStorage]) {
		t.Errorf("observed are %d bytes (%v)", observed.StorageUsedBytes, err)
	}
	p.bed("apiserver-stop")
	blind, err := p.figures(want)
	p.bed("apiserver-start")
	if up, told := blind[driver.MetricUp]; told {
		t.Errorf("without the API server it is told that the server's state is %v (%v)", up, err)
	}
	p.gone(core("pods"), "souk-"+want.ID, "db-1")
	for until := time.Now().Add(long); ; time.Sleep(200 * time.Millisecond) {
		if now, err := p.figures(want); err == nil && now[driver.MetricUp] == 0 && len(now) > 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatal("it is never told that the server is down")
		}
	}
	p.running(want)
}
