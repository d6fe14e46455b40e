package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Readiness says how far a service is fit for production, by zone.
func (o *Operator) Readiness(ctx context.Context, service string) ([]api.ServiceReadiness, error) {
	return listWhole[api.ServiceReadiness](ctx, o.client, "operator", "services", service, "readiness")
}

// Waive has a check of a service's readiness done without for a time.
func (o *Operator) Waive(ctx context.Context, service string, waiver api.WaiverCreate) (api.ReadinessWaiver, error) {
	var out api.ReadinessWaiver
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "services", service, "waivers"}, body: waiver, out: &out, changes: true})
	return out, err
}

// Unwaive ends a waiver before its time.
func (o *Operator) Unwaive(ctx context.Context, id string) (api.ReadinessWaiver, error) {
	var out api.ReadinessWaiver
	err := o.client.do(ctx, call{method: http.MethodDelete, path: []string{"operator", "waivers", id}, out: &out, changes: true})
	return out, err
}
