package postgresql

import (
	"testing"

	"souk/internal/alert/alerttest"
)

func TestAlertsHoldWhereFiguresSaySo(t *testing.T) {
	alerttest.HoldWhereFiguresSaySo(t, Package(),
		alerttest.Steady("pg_stat_activity_count", 20, 48, "state", "idle"),
		alerttest.Steady("pg_stat_activity_count", 20, 49, "state", "active"),
		alerttest.Steady("pg_settings_max_connections", 100, 100),
		alerttest.Steady("pg_replication_lag_seconds", 0, 0, "replica", "one"),
		alerttest.Steady("pg_replication_lag_seconds", 40, 97, "replica", "two"))
}
