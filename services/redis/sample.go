package redis

import (
	"context"
	"strconv"
	"strings"

	"github.com/gomodule/redigo/redis"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

var _ process.Sampler = (*engine)(nil)

// figures are those of INFO that are told, by their name there. Names are those of
// the exporter that most dashboards for Redis are made for.
var figures = map[string]string{
	"blocked_clients":          "redis_blocked_clients",
	"maxclients":               "redis_config_maxclients",
	"used_memory":              "redis_memory_used_bytes",
	"maxmemory":                "redis_memory_max_bytes",
	"mem_fragmentation_ratio":  "redis_mem_fragmentation_ratio",
	"total_commands_processed": "redis_commands_processed_total",
	"keyspace_hits":            "redis_keyspace_hits_total",
	"keyspace_misses":          "redis_keyspace_misses_total",
	"evicted_keys":             "redis_evicted_keys_total",
	"expired_keys":             "redis_expired_keys_total",
	"rejected_connections":     "redis_rejected_connections_total",
	"total_net_input_bytes":    "redis_net_input_bytes_total",
	"total_net_output_bytes":   "redis_net_output_bytes_total",
	"aof_current_size":         "redis_aof_current_size_bytes",
	"uptime_in_seconds":        "redis_uptime_in_seconds",
}

// Sample implements process.Sampler.
func (e *engine) Sample(ctx context.Context, host *process.Host) ([]driver.Sample, error) {
	s, err := attempt(ctx, host)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	text, err := s.figures()
	if err != nil {
		return nil, err
	}
	return samples(text), nil
}

func (s *session) figures() (string, error) { return redis.String(s.Do("INFO")) }

// samples reads what INFO says.
func samples(text string) (out []driver.Sample) {
	keys, evicts, rejected, persists := 0.0, 0.0, 0.0, 1.0
	for line := range strings.Lines(text) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		number, err := strconv.ParseFloat(value, 64)
		switch name, known := figures[field]; {
		case known && err == nil:
			out = append(out, driver.Sample{Name: name, Value: number})
		case field == "connected_clients" && err == nil:
			out = append(out, driver.Sample{Name: "redis_connected_clients", Value: number - 1}) // the agent is one
		case strings.HasPrefix(field, "db") && field != probeData:
			keys += keysOf(value)
		case field == "maxmemory_policy" && value != "noeviction":
			evicts = 1
		case field == "errorstat_OOM": // it is not there before the first
			rejected, _ = strconv.ParseFloat(strings.TrimPrefix(value, "count="), 64)
		case (field == "aof_last_write_status" || field == "aof_last_bgrewrite_status") && value != "ok":
			persists = 0
		}
	}
	return append(out, driver.Sample{Name: "redis_keys", Value: keys}, driver.Sample{Name: "redis_memory_evicts", Value: evicts},
		driver.Sample{Name: "redis_rejected_writes_total", Value: rejected}, driver.Sample{Name: "redis_persistence_ok", Value: persists})
}

// probeData is what INFO calls the probe's own database.
var probeData = "db" + strconv.Itoa(probeDatabase)

// keysOf reads "keys=3,expires=0,avg_ttl=0".
func keysOf(database string) float64 {
	count, _, _ := strings.Cut(strings.TrimPrefix(database, "keys="), ",")
	n, err := strconv.ParseFloat(count, 64)
	if err != nil {
		return 0
	}
	return n
}
