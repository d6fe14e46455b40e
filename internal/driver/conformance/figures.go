package conformance

import (
	"errors"
	"math"
	"testing"

	"github.com/google/uuid"

	"souk/internal/driver"
)

// figures: a driver that can tell figures tells the limits of each instance that
// runs and that it is up, none of one that is stopped, and knows what is not there.
func (s *suite) figures(t *testing.T, sampler driver.Sampler) {
	if _, err := sampler.Sample(t.Context(), uuid.NewString()); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	want, _ := s.order(t)
	told := map[string]float64{}
	samples, err := sampler.Sample(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		told[sample.Name] = sample.Value
		if math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
			t.Errorf("%s is %v", sample.Name, sample.Value)
		}
	}
	for name, value := range map[string]float64{
		driver.MetricUp: 1, driver.MetricStorageLimit: float64(want.StorageGiB << 30),
		driver.MetricCPULimit: float64(want.Plan.CPUMillis) / 1000, driver.MetricMemoryLimit: float64(want.Plan.MemoryMiB << 20),
	} {
		if got, ok := told[name]; !ok || got != value {
			t.Errorf("%s is %v, %v; want %v", name, got, ok, value)
		}
	}
	want.Generation++
	s.stop(t, want)
	if samples, err := sampler.Sample(t.Context(), want.ID); err != nil || len(samples) > 0 {
		t.Errorf("of a stopped one: %v, %v", samples, err)
	}
}
