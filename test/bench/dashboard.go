package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql/parser"

	"souk/api"
	"souk/internal/metrics"
	"souk/internal/servicepkg"
	"souk/services/postgresql"
)

// How figures are laid down: so often by each instance that is looked at, and for
// the others seldom, for they only make the index as long as it is.
const (
	dense, sparse = 15 * time.Second, 2 * time.Hour
	lookedAt      = 8
	month         = 30 * 24 * time.Hour
)

// dashboardQueries measures how long the figures of an instance's dashboard take,
// as its page asks for them, where a month of many instances is kept.
func dashboardQueries(ctx context.Context, e *env) ([]row, error) {
	store, err := metrics.OpenLocal(metrics.LocalConfig{Folder: filepath.Join(e.dir, "metrics"), Retention: month + 24*time.Hour})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	board := *postgresql.Package().Definition.Dashboard
	names, err := metricsOf(board)
	if err != nil {
		return nil, err
	}
	end := time.Now().Truncate(time.Hour)
	p := &planted{store: store, names: names, history: e.sizes.history, end: end, instances: make([]string, e.sizes.measured)}
	for i := range p.instances {
		p.instances[i] = uuid.NewString()
	}
	if err := p.plant(ctx); err != nil {
		return nil, err
	}
	var rows []row
	for _, span := range []struct {
		words  string
		length time.Duration
	}{{"an hour", time.Hour}, {"a day", 24 * time.Hour}, {"30 days", month}} {
		var took samples
		for i := range e.sizes.dashboards {
			began := time.Now()
			m, err := metrics.Read(ctx, store, p.instances[i%min(lookedAt, len(p.instances))], board, metrics.Span{Start: end.Add(-span.length), End: end, Points: 300})
			if err != nil {
				return nil, err
			}
			took = append(took, time.Since(began))
			if !slices.ContainsFunc(m.Panels, func(p api.MetricsPanel) bool { return len(p.Series) > 0 }) {
				return nil, fmt.Errorf("the dashboard over %s shows nothing", span.words)
			}
		}
		rows = append(rows, row{
			what:     fmt.Sprintf("dashboard of a PostgreSQL over %s, all %d panels, %d instances' month kept in this process", span.words, len(board.Panels), len(p.instances)),
			measured: fmt.Sprintf("p50 %s, p95 %s", millis(took.median()), millis(took.quantile(0.95))),
		})
	}
	return rows, nil
}

// metricsOf are the names of the metrics that a dashboard asks for.
func metricsOf(d servicepkg.Dashboard) ([]string, error) {
	var names []string
	reader := parser.NewParser(parser.Options{})
	for _, panel := range d.Panels {
		for _, q := range panel.Queries {
			expr, err := reader.ParseExpr(strings.ReplaceAll(q.Expr, servicepkg.Rate, "2m"))
			if err != nil {
				return nil, err
			}
			parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
				if s, ok := n.(*parser.VectorSelector); ok && !slices.Contains(names, s.Name) {
					names = append(names, s.Name)
				}
				return nil
			})
		}
	}
	return names, nil
}

// planted is a store with figures of some time.
type planted struct {
	store     *metrics.Local
	names     []string
	instances []string
	history   time.Duration
	end       time.Time // of it
}

// plant lays the figures down, an hour after the other as they came.
func (p *planted) plant(ctx context.Context) error {
	for from := p.end.Add(-p.history); from.Before(p.end); from = from.Add(sparse) {
		var batch []prompb.TimeSeries
		for i, id := range p.instances {
			every := sparse
			if i < lookedAt {
				every = dense
			}
			for _, name := range p.names {
				s := prompb.TimeSeries{Labels: []prompb.Label{
					{Name: "__name__", Value: name}, {Name: metrics.LabelID, Value: id}, {Name: metrics.LabelService, Value: "postgresql"}, {Name: "state", Value: "active"},
				}}
				for at := from; at.Before(from.Add(sparse)); at = at.Add(every) {
					s.Samples = append(s.Samples, prompb.Sample{Timestamp: at.UnixMilli(), Value: float64(at.Unix()%100_000) * 1.5})
				}
				batch = append(batch, s)
			}
		}
		if err := p.store.Append(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
