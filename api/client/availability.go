package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"souk/api"
)

// Availability returns for how much of a month an instance was available; period is
// such as "2026-11", or "" for that of now.
func (p *Project) Availability(ctx context.Context, name, period string) (api.Availability, error) {
	query := url.Values{}
	if period != "" {
		query.Set("period", period)
	}
	var out api.Availability
	err := p.client.get(ctx, query, &out, p.path(name, "availability")...)
	return out, err
}

// SLAReport returns how available the organization's instances were in a month such
// as "2026-11", as was known at a watermark; a zero one is the newest.
func (o *Organization) SLAReport(ctx context.Context, period string, watermark time.Time) (api.SLAReport, error) {
	var out api.SLAReport
	err := o.client.get(ctx, reportQuery(period, watermark), &out, o.path("sla-report")...)
	return out, err
}

// SLAReportFile returns the same report as a file: "report.pdf", "report.jws" (signed)
// or "report.json" (what is signed).
func (o *Organization) SLAReportFile(ctx context.Context, period, name string, watermark time.Time) ([]byte, error) {
	if name == "report.json" {
		report, err := o.SLAReport(ctx, period, watermark)
		if err != nil {
			return nil, err
		}
		return json.Marshal(report)
	}
	header := http.Header{"Accept": {"application/pdf, application/jose, application/problem+json"}}
	resp, err := o.client.open(ctx, o.path("sla-"+name), reportQuery(period, watermark), header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

func reportQuery(period string, watermark time.Time) url.Values {
	query := url.Values{}
	if period != "" {
		query.Set("period", period)
	}
	if !watermark.IsZero() {
		query.Set("watermark", watermark.UTC().Format(time.RFC3339Nano))
	}
	return query
}

// SLAReports lists the reports that were made when a month was over, newest first.
func (o *Organization) SLAReports(ctx context.Context) ([]api.SLAReportMade, error) {
	return listWhole[api.SLAReportMade](ctx, o.client, o.path("sla-reports")...)
}
