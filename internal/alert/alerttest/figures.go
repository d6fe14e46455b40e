// Package alerttest holds the alerts of service packages against figures.
package alerttest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/metrics"
	"souk/internal/servicepkg"
)

// Figure is a series as it goes over five hours: from First to Last of what is well,
// and of what is not.
type Figure struct {
	Name      string
	Well, Ill [2]float64
	Labels    []string // name, value, ...
}

// Steady is a figure that stays as it is.
func Steady(name string, well, ill float64, labels ...string) Figure {
	return Figure{name, [2]float64{well, well}, [2]float64{ill, ill}, labels}
}

// Storage and the rest of what the driver tells of every service.
var ofEveryService = []Figure{
	{Name: "souk_storage_used_bytes", Well: [2]float64{36, 40}, Ill: [2]float64{87, 97}},
	Steady("souk_storage_limit_bytes", 100, 100),
	Steady("souk_memory_used_bytes", 40, 97),
	Steady("souk_memory_limit_bytes", 100, 100),
	{Name: "souk_up", Well: [2]float64{1, 1}, Ill: [2]float64{1, 0}},
	Steady("souk_certificate_remaining_seconds", 60*24*60*60, 20*24*60*60),
}

// HoldWhereFiguresSaySo wants each alert about figures to hold for the instance that is
// not well, not for the one that is, and to know of no other service's.
func HoldWhereFiguresSaySo(t *testing.T, p servicepkg.Package, figures ...Figure) {
	t.Helper()
	kept, err := metrics.OpenLocal(metrics.LocalConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	now, service := time.Now().Truncate(time.Second), p.Definition.Name
	well, ill, other := uuid.New(), uuid.New(), uuid.New()
	tell := func(id uuid.UUID, service string, f Figure, values [2]float64) {
		s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: f.Name}, {Name: metrics.LabelID, Value: id.String()}, {Name: metrics.LabelService, Value: service}}}
		for i := 0; i+1 < len(f.Labels); i += 2 {
			s.Labels = append(s.Labels, prompb.Label{Name: f.Labels[i], Value: f.Labels[i+1]})
		}
		const moments = 301 // one a minute
		for n := range moments {
			s.Samples = append(s.Samples, prompb.Sample{Timestamp: now.Add(time.Duration(n+1-moments) * time.Minute).UnixMilli(), Value: values[0] + (values[1]-values[0])*float64(n)/(moments-1)})
		}
		if err := kept.Append(t.Context(), []prompb.TimeSeries{s}); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range append(ofEveryService, figures...) {
		tell(well, service, f, f.Well)
		tell(ill, service, f, f.Ill)
		tell(other, "another", f, f.Ill)
	}
	for _, a := range p.AllAlerts() {
		if a.Expr == "" {
			continue
		}
		values, err := metrics.OfService(t.Context(), kept, service, a.Expr, now)
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
			continue
		}
		if _, known := values[well]; !known || a.Holds(values[well]) || !a.Holds(values[ill]) {
			t.Errorf("%s: %v where all is well, %v where it is not", a.Name, values[well], values[ill])
		}
		if len(values) != 2 {
			t.Errorf("%s has values of %d instances", a.Name, len(values))
		}
	}
}
