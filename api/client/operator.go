package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Operator returns the part of the API for the operator's staff. It makes no
// request.
func (c *Client) Operator() *Operator { return &Operator{client: c} }

// Operator calls the API across all organizations.
type Operator struct{ client *Client }

// Instances lists instances of all organizations.
func (o *Operator) Instances(ctx context.Context, opt ListOptions) ([]api.Instance, error) {
	return list[api.Instance](ctx, o.client, 0, opt.query(), "operator", "instances")
}

// EnrolZone hands out the one-time token by which an agent joins a zone. The
// token is empty when the answer to a first try was lost on the way and the
// server repeated it: enrol again.
func (o *Operator) EnrolZone(ctx context.Context, zone string) (api.ZoneEnrolment, error) {
	var out api.ZoneEnrolment
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "zones", zone, "enrol"}, out: &out, changes: true})
	return out, err
}

// AuditSegments recomputes every billing chain from the raw commands and facts
// and compares.
func (o *Operator) AuditSegments(ctx context.Context) (api.SegmentAudit, error) {
	var out api.SegmentAudit
	err := o.client.do(ctx, call{method: http.MethodGet, path: []string{"operator", "audit", "segments"}, out: &out, slow: true})
	return out, err
}

// Clock returns Souk's clock.
func (o *Operator) Clock(ctx context.Context) (api.ClockStatus, error) {
	var out api.ClockStatus
	err := o.client.get(ctx, nil, &out, "operator", "clock")
	return out, err
}

// AdvanceClock moves Souk's clock forward, for good. Only `souk dev` allows it.
func (o *Operator) AdvanceClock(ctx context.Context, advance api.ClockAdvance) (api.ClockStatus, error) {
	var out api.ClockStatus
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "clock", "advance"}, body: advance, out: &out, changes: true})
	return out, err
}

// SetQuota sets what an organization may run at once.
func (o *Operator) SetQuota(ctx context.Context, organization string, quota api.Quota) (api.QuotaUse, error) {
	var out api.QuotaUse
	err := o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "organizations", organization, "quota"}, body: quota, out: &out, changes: true})
	return out, err
}
