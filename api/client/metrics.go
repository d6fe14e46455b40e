package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"souk/api"
)

// MetricsSpan is of what time figures are, and how finely.
type MetricsSpan struct {
	Range      string    // such as "1h", up to now
	Start, End time.Time // in place of Range, where set
	Points     int       // of each series, about; 0: the server chooses
}

// Metrics returns an instance's figures as its service's dashboard shows them.
func (p *Project) Metrics(ctx context.Context, name string, span MetricsSpan) (api.Metrics, error) {
	query := url.Values{}
	if span.Range != "" {
		query.Set("range", span.Range)
	}
	if !span.Start.IsZero() {
		query.Set("start", span.Start.Format(time.RFC3339))
		query.Set("end", span.End.Format(time.RFC3339))
	}
	if span.Points > 0 {
		query.Set("points", strconv.Itoa(span.Points))
	}
	var out api.Metrics
	err := p.client.get(ctx, query, &out, p.path(name, "metrics")...)
	return out, err
}

// MetricsDashboard returns the same dashboard for Grafana.
func (p *Project) MetricsDashboard(ctx context.Context, name string) (json.RawMessage, error) {
	var out json.RawMessage
	err := p.client.get(ctx, nil, &out, p.path(name, "metrics", "grafana")...)
	return out, err
}
