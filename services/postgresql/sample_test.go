package postgresql

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/driver"
)

// figures of an instance, by name; of those with labels the sum.
func (z *zone) figures(want driver.Instance) map[string]float64 {
	z.T.Helper()
	ctx, cancel := context.WithTimeout(z.T.Context(), 10*time.Second)
	defer cancel()
	samples, err := z.Sample(ctx, want.ID)
	if err != nil {
		z.T.Fatal(err)
	}
	found := map[string]float64{}
	for _, s := range samples {
		name := s.Name
		for label, value := range s.Labels {
			if name == "pg_stat_activity_count" {
				name += "/" + label + "=" + value
			}
		}
		found[name] += s.Value
	}
	return found
}

// The figures of a server are those of what its users do.
func TestSamples(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	before := z.figures(want)
	for name, value := range map[string]float64{
		driver.MetricUp: 1, driver.MetricStorageLimit: 10 << 30, driver.MetricCPULimit: 1, driver.MetricMemoryLimit: 512 << 20,
		"pg_settings_max_connections": 100, "pg_stat_activity_count/state=idle": 0, "pg_stat_activity_max_tx_duration": 0, "pg_locks_count": 0,
	} {
		if got, ok := before[name]; !ok || got != value {
			t.Errorf("%s is %v, %v; want %v", name, got, ok, value)
		}
	}
	conn := z.user(want, seen.Endpoint)
	z.exec(conn, "CREATE TABLE t AS SELECT generate_series(1, 1000) n")
	z.exec(conn, "BEGIN")
	z.exec(conn, "UPDATE t SET n = n + 1")
	z.exec(conn, "SELECT pg_sleep(0.01)")
	busy := z.figures(want)
	if busy["pg_stat_activity_count/state=idle in transaction"] != 1 || busy["pg_stat_activity_max_tx_duration"] <= 0 || busy["pg_locks_count"] == 0 {
		t.Errorf("of an open transaction it is told %v", busy)
	}
	if busy["pg_wal_written_bytes_total"] <= before["pg_wal_written_bytes_total"] {
		t.Errorf("written ahead: %v, then %v", before["pg_wal_written_bytes_total"], busy["pg_wal_written_bytes_total"])
	}
	if info, err := z.Info(t.Context()); err == nil && info.Limits[:4] != "none" {
		for _, name := range []string{driver.MetricCPU, driver.MetricMemory} {
			if busy[name] <= 0 {
				t.Errorf("%s is %v", name, busy[name])
			}
		}
	}
	z.exec(conn, "COMMIT")
	conn.Close(t.Context())
}

// What users may set for their database does not keep the agent from its figures.
func TestSamplesDespiteUsersSettings(t *testing.T) {
	z := newZone(t)
	want := order()
	seen := z.Bring(&want)
	conn := z.user(want, seen.Endpoint)
	z.exec(conn, "ALTER DATABASE app SET search_path = nowhere")
	z.exec(conn, "CREATE FUNCTION public.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 42::bigint'")
	if got := z.figures(want); got[driver.MetricUp] != 1 || got["pg_stat_activity_count/state=active"] != 0 {
		t.Errorf("%v", got)
	}
}

// Of an instance that is stopped nothing is told, and of none that is not there.
func TestSamplesOfWhatDoesNotRun(t *testing.T) {
	z := newZone(t)
	want := order()
	if _, err := z.Sample(t.Context(), uuid.NewString()); !errors.Is(err, driver.ErrNotFound) {
		t.Error(err)
	}
	z.Bring(&want)
	if _, err := z.Stop(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got := z.figures(want); len(got) != 0 {
		t.Errorf("of a stopped one it is told %v", got)
	}
}
