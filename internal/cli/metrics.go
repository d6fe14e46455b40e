package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
	"souk/internal/bytesize"
)

func newMetrics(a *App) *cobra.Command {
	span := client.MetricsSpan{Range: "1h", Points: 120}
	cmd := &cobra.Command{
		Use:               "metrics NAME",
		Short:             "Show an instance's metrics",
		Long:              "Shows the figures of an instance that its service's dashboard has: as they are now, and the least, mean\nand most within the span. -o json holds every value; -o grafana is the dashboard for Grafana.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	out := outputFlag(cmd, "table", "json", "yaml", "grafana")
	cmd.Flags().StringVar(&span.Range, "range", span.Range, "the span up to now, such as 1h, 24h, 7d or 30d")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error { return a.metrics(ctx, args[0], span, out) })
	return cmd
}

func (a *App) metrics(ctx context.Context, arg string, span client.MetricsSpan, out *output) error {
	project, name, err := a.instanceOf(ctx, arg)
	if err != nil {
		return err
	}
	if out.format == "grafana" {
		dashboard, err := project.MetricsDashboard(ctx, name)
		if err != nil {
			return err
		}
		return a.showJSON(dashboard)
	}
	m, err := project.Metrics(ctx, name, span)
	if err != nil {
		return err
	}
	return a.show(out, view{value: m, table: metricsTable(m), empty: "Nothing is known of this span: an instance's first figures are there about half a minute after it is ready."})
}

// metricsTable sums up each series.
func metricsTable(m api.Metrics) *table {
	t := newTable("FIGURE", "OF", "NOW", "LEAST", "MEAN", "MOST")
	for _, p := range m.Panels {
		for _, s := range p.Series {
			least, mean, most, any := summary(s.Values)
			if !any {
				continue
			}
			now := "-"
			if last := s.Values[len(s.Values)-1]; last != nil {
				now = figure(p.Unit, *last)
			}
			t.add(p.Title, s.Legend, now, figure(p.Unit, least), figure(p.Unit, mean), figure(p.Unit, most))
		}
	}
	return t
}

// summary is of the values that are known, if any is.
func summary(values []*float64) (least, mean, most float64, any bool) {
	count := 0.0
	for _, v := range values {
		if v == nil {
			continue
		}
		if count == 0 {
			least, most = *v, *v
		}
		least, most, mean, count = min(least, *v), max(most, *v), mean+*v, count+1
	}
	if count == 0 {
		return 0, 0, 0, false
	}
	return least, mean / count, most, true
}

// figure shows a value with its unit.
func figure(unit string, value float64) string {
	switch unit {
	case "bytes":
		return bytesize.Text(int64(value))
	case "bytesPerSecond":
		return bytesize.Text(int64(value)) + "/s"
	case "ratio":
		return fmt.Sprintf("%.1f %%", value*100)
	case "perSecond":
		return fmt.Sprintf("%.2f/s", value)
	case "seconds":
		return fmt.Sprintf("%.2f s", value)
	case "cores":
		return fmt.Sprintf("%.3f", value)
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
