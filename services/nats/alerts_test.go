package nats

import (
	"testing"

	"souk/internal/alert/alerttest"
)

func TestAlertsHoldWhereFiguresSaySo(t *testing.T) {
	alerttest.HoldWhereFiguresSaySo(t, Package(),
		alerttest.Steady("gnatsd_varz_jetstream_stats_storage", 75, 78),
		alerttest.Steady("gnatsd_varz_connections", 40, 97),
		alerttest.Steady("gnatsd_varz_max_connections", 100, 100),
		alerttest.Figure{Name: "gnatsd_varz_slow_consumers", Ill: [2]float64{0, 300}})
}
