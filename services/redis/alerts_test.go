package redis

import (
	"testing"

	"souk/internal/alert/alerttest"
)

func TestAlertsHoldWhereFiguresSaySo(t *testing.T) {
	alerttest.HoldWhereFiguresSaySo(t, Package(),
		alerttest.Steady("redis_memory_used_bytes", 40, 97),
		alerttest.Steady("redis_memory_max_bytes", 100, 100),
		alerttest.Steady("redis_memory_evicts", 0, 0),
		alerttest.Figure{Name: "redis_rejected_writes_total", Ill: [2]float64{0, 3000}},
		alerttest.Steady("redis_connected_clients", 40, 97),
		alerttest.Steady("redis_config_maxclients", 100, 100),
		alerttest.Steady("redis_persistence_ok", 1, 0))
}

// Memory that is full is no matter where keys are removed to make room.
func TestSamplesOfAServerThatIsNotWell(t *testing.T) {
	told := map[string]float64{}
	for _, s := range samples("maxmemory_policy:allkeys-lru\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:err\r\nerrorstat_OOM:count=7\r\n") {
		told[s.Name] = s.Value
	}
	if told["redis_memory_evicts"] != 1 || told["redis_rejected_writes_total"] != 7 || told["redis_persistence_ok"] != 0 {
		t.Errorf("%v", told)
	}
}
