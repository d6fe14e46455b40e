package metrics_test

import (
	"strings"
	"testing"
	"time"

	"souk/internal/metrics"
	"souk/services/all"
)

// Each service's dashboard can be evaluated, and Grafana gets all of it.
func TestBuiltInDashboards(t *testing.T) {
	store, err := metrics.OpenLocal(metrics.LocalConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Now()
	for name, p := range all.Packages() {
		d := p.Definition.Dashboard
		if d == nil {
			continue
		}
		m, err := metrics.Read(t.Context(), store, "0190a000-0000-7000-8000-000000000001", *d, metrics.Span{Start: now.Add(-time.Hour), End: now, Points: 60})
		if err != nil || len(m.Panels) != len(d.Panels) {
			t.Errorf("%s: %v, %d panels of %d", name, err, len(m.Panels), len(d.Panels))
		}
		text, err := metrics.Grafana(name, "db1", *d)
		if err != nil || strings.Contains(string(text), "{{RATE}}") || strings.Count(string(text), `"gridPos"`) != len(d.Panels) {
			t.Errorf("%s: %v, %s", name, err, text)
		}
	}
}
