package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/api"
	"souk/internal/servicepkg"
)

// finest is the shortest step of a dashboard, about what agents collect in.
const finest = 15 * time.Second

// Span is of what time a dashboard is, and about how many values a series has.
type Span struct {
	Start, End time.Time
	Points     int
}

// step is between two values: whole seconds, so that the moments can be written.
func (s Span) step() time.Duration {
	step := s.End.Sub(s.Start) / time.Duration(max(s.Points, 1))
	return max(step.Truncate(time.Second)+time.Second*boolean(step%time.Second > 0), finest)
}

func boolean(b bool) time.Duration {
	if b {
		return 1
	}
	return 0
}

// rateOver is the span of a rate: two samples at least, and all between two values.
func rateOver(step time.Duration) string {
	return strconv.FormatInt(int64(max(step, 2*time.Minute).Seconds()), 10) + "s"
}

// Read evaluates a dashboard for an instance. Its errors are those of Store.Query.
func Read(ctx context.Context, store Store, instanceID string, d servicepkg.Dashboard, span Span) (api.Metrics, error) {
	step := span.step()
	count := int(span.End.Sub(span.Start)/step) + 1
	out := api.Metrics{Start: span.Start.UTC(), End: span.Start.Add(time.Duration(count-1) * step).UTC(), StepSeconds: int64(step.Seconds()), Panels: make([]api.MetricsPanel, len(d.Panels))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, panel := range d.Panels {
		g.Go(func() error {
			p := api.MetricsPanel{Title: panel.Title, Description: panel.Description, Unit: panel.Unit, Series: []api.MetricsSeries{}}
			for _, query := range panel.Queries {
				expr := strings.ReplaceAll(query.Expr, servicepkg.Rate, rateOver(step))
				result, err := store.Query(ctx, instanceID, Query{Expr: expr, Start: span.Start, End: span.End, Step: step})
				if err != nil {
					return err
				}
				series, err := lines(result, query.Legend, span.Start, step, count)
				if err != nil {
					return err
				}
				p.Series = append(p.Series, series...)
			}
			out.Panels[i] = p
			return nil
		})
	}
	return out, g.Wait()
}

// lines reads a range query's answer.
func lines(result Result, legend string, start time.Time, step time.Duration, count int) ([]api.MetricsSeries, error) {
	var data struct {
		Result []struct {
			Metric map[string]string    `json:"metric"`
			Values [][2]json.RawMessage `json:"values"`
		} `json:"result"`
	}
	if err := json.Unmarshal(result.Data, &data); err != nil {
		return nil, &QueryError{Unavailable, "The metrics store's answer cannot be read."}
	}
	var out []api.MetricsSeries
	for _, series := range data.Result {
		line := api.MetricsSeries{Legend: fill(legend, series.Metric), Values: make([]*float64, count)}
		for _, point := range series.Values {
			at, number, err := pointOf(point)
			i := int(math.Round(at.Sub(start).Seconds() / step.Seconds()))
			if err != nil || i < 0 || i >= count || math.IsNaN(number) || math.IsInf(number, 0) {
				continue
			}
			line.Values[i] = &number
		}
		out = append(out, line)
	}
	slices.SortFunc(out, func(a, b api.MetricsSeries) int { return strings.Compare(a.Legend, b.Legend) })
	return out, nil
}

// pointOf reads [seconds, "number"].
func pointOf(point [2]json.RawMessage) (time.Time, float64, error) {
	var seconds float64
	var text string
	if err := json.Unmarshal(point[0], &seconds); err != nil {
		return time.Time{}, 0, err
	}
	if err := json.Unmarshal(point[1], &text); err != nil {
		return time.Time{}, 0, err
	}
	number, err := strconv.ParseFloat(text, 64)
	return time.UnixMilli(int64(math.Round(seconds * 1000))), number, err
}

// fill puts the values of labels into a legend.
func fill(legend string, labels map[string]string) string {
	for name, value := range labels {
		legend = strings.ReplaceAll(legend, "{{"+name+"}}", value)
	}
	return legend
}

// grafanaUnits are Grafana's names of servicepkg.Units.
var grafanaUnits = map[string]string{"cores": "none", "bytes": "bytes", "bytesPerSecond": "Bps", "count": "short", "perSecond": "ops", "ratio": "percentunit", "seconds": "s"}

// Grafana returns a dashboard as Grafana takes it; it asks there which data source
// is the instance.
func Grafana(service, instance string, d servicepkg.Dashboard) ([]byte, error) {
	const width, height = 12, 8
	source := map[string]string{"type": "prometheus", "uid": "${DS_SOUK}"}
	var panels []map[string]any
	for i, p := range d.Panels {
		var targets []map[string]any
		for n, q := range p.Queries {
			targets = append(targets, map[string]any{
				"refId": string(rune('A' + n)), "datasource": source, "legendFormat": q.Legend, "range": true,
				"expr": strings.ReplaceAll(q.Expr, servicepkg.Rate, "$__rate_interval"),
			})
		}
		panels = append(panels, map[string]any{
			"id": i + 1, "type": "timeseries", "title": p.Title, "description": p.Description, "datasource": source, "targets": targets,
			"gridPos":     map[string]int{"x": i % 2 * width, "y": i / 2 * height, "w": width, "h": height},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": grafanaUnits[p.Unit], "min": 0}, "overrides": []any{}},
		})
	}
	return json.MarshalIndent(map[string]any{
		"__inputs":      []map[string]string{{"name": "DS_SOUK", "label": "Souk", "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus"}},
		"title":         fmt.Sprintf("%s (%s)", instance, service),
		"tags":          []string{"souk", service},
		"schemaVersion": 39, "refresh": "30s", "timezone": "browser", "editable": true,
		"time":   map[string]string{"from": "now-1h", "to": "now"},
		"panels": panels,
	}, "", "  ")
}
