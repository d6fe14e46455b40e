package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"souk/api"
)

// CostOptions choose what a cost report shows. Empty fields choose all; without months it
// is the running one.
type CostOptions struct {
	Project, From, To, By               string // months as 2026-11
	Service, Plan, Zone, Instance, Item string
	Labels                              string // k=v,k2=v2
	Limit                               int    // of the groups; 0: as the API has it
}

func (o CostOptions) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"project": o.Project, "from": o.From, "to": o.To, "by": o.By, "service": o.Service,
		"plan": o.Plan, "zone": o.Zone, "instance": o.Instance, "item": o.Item, "labels": o.Labels} {
		set(query, name, value)
	}
	return query
}

// CostReport returns what months have cost by one side of it.
func (o *Organization) CostReport(ctx context.Context, opt CostOptions) (api.CostReport, error) {
	var out api.CostReport
	query := opt.query()
	if opt.Limit > 0 {
		query.Set("limit", strconv.Itoa(opt.Limit))
	}
	err := o.client.get(ctx, query, &out, o.path("cost", "report")...)
	return out, err
}

// CostReportCSV returns the same with every group, as a table (RFC 4180).
func (o *Organization) CostReportCSV(ctx context.Context, opt CostOptions) ([]byte, error) {
	header := http.Header{"Accept": {"text/csv, application/problem+json"}}
	resp, err := o.client.open(ctx, o.path("cost", "report.csv"), opt.query(), header)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}
