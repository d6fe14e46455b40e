package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Usage returns what was counted of an instance in a month such as "2026-11", or ""
// for that of now.
func (p *Project) Usage(ctx context.Context, name, period string) (api.Usage, error) {
	query := url.Values{}
	if period != "" {
		query.Set("period", period)
	}
	var out api.Usage
	err := p.client.get(ctx, query, &out, p.path(name, "usage")...)
	return out, err
}

// SendUsage reports what was used of instances of the organization's own services, up to
// 1000 events at once: all are taken or none. To send the same events again is safe.
func (o *Organization) SendUsage(ctx context.Context, events []api.UsageEvent) (api.UsageReceipt, error) {
	var out api.UsageReceipt
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("usage"), body: events, out: &out, changes: true, contentType: "application/cloudevents-batch+json"})
	return out, err
}
