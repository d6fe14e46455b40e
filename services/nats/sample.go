package nats

import (
	"context"

	"souk/internal/driver"
	"souk/internal/driver/process"
)

var _ process.Sampler = (*engine)(nil)

// Sample implements process.Sampler. Names are those of the usual exporter for NATS.
func (e *engine) Sample(ctx context.Context, host *process.Host) ([]driver.Sample, error) {
	is, err := ask(ctx, host)
	if err != nil {
		return nil, err
	}
	var out []driver.Sample
	for name, value := range map[string]float64{
		"gnatsd_varz_connections": is.Connections, "gnatsd_varz_max_connections": is.MaxConnections, "gnatsd_varz_subscriptions": is.Subscriptions,
		"gnatsd_varz_in_msgs": is.InMsgs, "gnatsd_varz_out_msgs": is.OutMsgs, "gnatsd_varz_in_bytes": is.InBytes, "gnatsd_varz_out_bytes": float64(is.OutBytes),
		"gnatsd_varz_slow_consumers":         is.SlowConsumers,
		"gnatsd_varz_jetstream_stats_memory": is.JetStream.Stats.Memory, "gnatsd_varz_jetstream_stats_storage": is.JetStream.Stats.Storage,
	} {
		out = append(out, driver.Sample{Name: name, Value: value})
	}
	return out, nil
}
