package client

import (
	"context"
	"net/http"

	"souk/api"
)

// PostConformance records the result of a conformance run that the organization did;
// the control plane signs it.
func (o *Organization) PostConformance(ctx context.Context, report api.ConformanceReport) (api.SignedConformance, error) {
	var out api.SignedConformance
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("conformance"), body: report, out: &out, changes: true})
	return out, err
}

// Conformance returns one result of a conformance run. It needs no token.
func (c *Client) Conformance(ctx context.Context, id string) (api.SignedConformance, error) {
	var out api.SignedConformance
	err := c.get(ctx, nil, &out, "conformance", id)
	return out, err
}

// ServiceConformance lists the newest results of a service, in all zones. It needs no
// token.
func (c *Client) ServiceConformance(ctx context.Context, service string) ([]api.Conformance, error) {
	return listWhole[api.Conformance](ctx, c, "services", service, "conformance")
}
