package cli

import (
	"strings"
	"testing"
	"time"

	"souk/api"
)

// Gaps are told as what they are, and never as nothing.
func TestUsageText(t *testing.T) {
	hour := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	is := api.Usage{Period: "2026-11", TimeZone: "Europe/Zurich", Meters: []api.MeterUsage{
		{Meter: api.Meter{Title: "Outgoing traffic", Unit: "byte"}, Quantity: 3 << 20, Hours: []api.UsageHour{{From: hour, Quantity: 3 << 20}}, Gaps: []api.UsageGap{{From: hour.Add(time.Hour), To: hour.Add(3 * time.Hour)}}},
		{Meter: api.Meter{Title: "Requests", Unit: "request"}},
	}}
	for _, c := range []struct {
		hours bool
		want  []string
	}{
		{false, []string{"Period:              2026-11 (Europe/Zurich)", "Outgoing traffic:    3.0 MiB", "  not known:         2026-11-22T11:00:00Z to 2026-11-22T13:00:00Z", "Requests:            0 × request"}},
		{true, []string{"Period:              2026-11 (Europe/Zurich)", "Outgoing traffic:    3.0 MiB", "  2026-11-22T10:00:00Z: 3.0 MiB", "  not known:         2026-11-22T11:00:00Z to 2026-11-22T13:00:00Z", "Requests:            0 × request"}},
	} {
		if got := usageText(is, c.hours); got != strings.Join(c.want, "\n")+"\n" {
			t.Errorf("%s", got)
		}
	}
	if got := usageText(api.Usage{}, true); !strings.Contains(got, "no meters") {
		t.Errorf("%s", got)
	}
}
