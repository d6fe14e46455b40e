package redis

import (
	"testing"

	"souk/internal/driver"
	"souk/internal/driver/process/processtest"
)

// The figures of a server are those of what its users do.
func TestSamples(t *testing.T) {
	z := processtest.New(t, ProcessEngine())
	want := order()
	conn := user(t, want, z.Bring(&want).Endpoint)
	told := func() map[string]float64 {
		samples, err := z.Sample(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]float64{}
		for _, s := range samples {
			found[s.Name] = s.Value
		}
		return found
	}
	before := told()
	for _, key := range []string{"a", "b", "c"} {
		do(t, conn, "SET", key, "1")
	}
	do(t, conn, "GET", "a")
	do(t, conn, "GET", "nothing")
	after := told()
	for name, grown := range map[string]float64{"redis_keys": 3, "redis_keyspace_hits_total": 1, "redis_keyspace_misses_total": 1} {
		if got := after[name] - before[name]; got != grown {
			t.Errorf("%s grew by %v, want %v", name, got, grown)
		}
	}
	if after[driver.MetricUp] != 1 || after["redis_connected_clients"] != 1 || after["redis_memory_max_bytes"] == 0 || after["redis_config_maxclients"] == 0 {
		t.Errorf("%v", after)
	}
	for info, name := range figures {
		if _, ok := after[name]; !ok {
			t.Errorf("INFO tells no %s", info)
		}
	}
}
