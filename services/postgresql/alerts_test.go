package postgresql

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"

	"souk/internal/metrics"
)

// Each alert about figures holds where they say so, for that instance only, and
// knows of no other service's.
func TestAlertsHoldWhereFiguresSaySo(t *testing.T) {
	figures, err := metrics.OpenLocal(metrics.LocalConfig{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = figures.Close() })
	now := time.Now().Truncate(time.Second)
	well, ill, other := uuid.New(), uuid.New(), uuid.New()
	tell := func(id uuid.UUID, service, name string, first, last float64, labels ...string) {
		t.Helper()
		s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}, {Name: metrics.LabelID, Value: id.String()}, {Name: metrics.LabelService, Value: service}}}
		for i := 0; i+1 < len(labels); i += 2 {
			s.Labels = append(s.Labels, prompb.Label{Name: labels[i], Value: labels[i+1]})
		}
		for n := range 11 { // over five hours
			s.Samples = append(s.Samples, prompb.Sample{Timestamp: now.Add(time.Duration(n-10) * 30 * time.Minute).UnixMilli(), Value: first + (last-first)*float64(n)/10})
		}
		if err := figures.Append(t.Context(), []prompb.TimeSeries{s}); err != nil {
			t.Fatal(err)
		}
	}
	for id, load := range map[uuid.UUID]float64{well: 0.4, ill: 0.97, other: 0.97} {
		service := "postgresql"
		if id == other {
			service = "other"
		}
		tell(id, service, "souk_storage_used_bytes", 100*load-10*load, 100*load)
		tell(id, service, "souk_storage_limit_bytes", 100, 100)
		tell(id, service, "souk_memory_used_bytes", 100*load, 100*load)
		tell(id, service, "souk_memory_limit_bytes", 100, 100)
		tell(id, service, "pg_stat_activity_count", 50*load, 50*load, "state", "idle")
		tell(id, service, "pg_stat_activity_count", 50*load, 50*load, "state", "active")
		tell(id, service, "pg_settings_max_connections", 100, 100)
		tell(id, service, "pg_replication_lag_seconds", 0, 0, "replica", "one")
		tell(id, service, "pg_replication_lag_seconds", 100*load, 100*load, "replica", "two")
	}
	tell(well, "postgresql", "souk_up", 1, 1)
	tell(ill, "postgresql", "souk_up", 1, 0)
	for _, a := range Package().Definition.Alerts {
		values, err := metrics.OfService(t.Context(), figures, "postgresql", a.Expr, now)
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
