package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Maintenance returns what is planned and was done on the organization's instances,
// newest first; open: only what is planned or under way. Limit 0 means all there are.
func (o *Organization) Maintenance(ctx context.Context, open bool, limit int) ([]api.Maintenance, error) {
	query := url.Values{}
	if open {
		query.Set("open", "true")
	}
	return list[api.Maintenance](ctx, o.client, limit, query, o.path("maintenance")...)
}

// CalendarFeed says whether one has an address of the organization's calendar.
func (o *Organization) CalendarFeed(ctx context.Context) (api.CalendarFeed, error) {
	var out api.CalendarFeed
	err := o.client.get(ctx, nil, &out, o.path("maintenance", "calendar")...)
	return out, err
}

// MakeCalendarFeed makes an address of the organization's calendar; the one before it
// ends. It is in this answer only.
func (o *Organization) MakeCalendarFeed(ctx context.Context) (api.CalendarFeed, error) {
	var out api.CalendarFeed
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("maintenance", "calendar"), out: &out, changes: true})
	return out, err
}

// EndCalendarFeed ends one's address of the organization's calendar at once.
func (o *Organization) EndCalendarFeed(ctx context.Context) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("maintenance", "calendar"), changes: true})
}

// Maintenance returns what is planned and was done on an instance, newest first.
// Limit 0 means all there is.
func (p *Project) Maintenance(ctx context.Context, instance string, limit int) ([]api.Maintenance, error) {
	return list[api.Maintenance](ctx, p.client, limit, nil, p.path(instance, "maintenance")...)
}

// OneMaintenance returns a maintenance, and what became of it.
func (p *Project) OneMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error) {
	var out api.Maintenance
	err := p.client.get(ctx, nil, &out, p.path(instance, "maintenance", id)...)
	return out, err
}

// DeferMaintenance puts a maintenance off to a later window.
func (p *Project) DeferMaintenance(ctx context.Context, instance, id string, to api.MaintenanceDefer) (api.Maintenance, error) {
	return p.changeMaintenance(ctx, instance, id, "defer", to)
}

// RunMaintenance has a maintenance done now.
func (p *Project) RunMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error) {
	return p.changeMaintenance(ctx, instance, id, "run", nil)
}

// ApproveMaintenance agrees to a maintenance as it is planned.
func (p *Project) ApproveMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error) {
	return p.changeMaintenance(ctx, instance, id, "approve", nil)
}

// CancelMaintenance takes back a change that was put off.
func (p *Project) CancelMaintenance(ctx context.Context, instance, id string) (api.Maintenance, error) {
	return p.changeMaintenance(ctx, instance, id, "cancel", nil)
}

func (p *Project) changeMaintenance(ctx context.Context, instance, id, what string, body any) (api.Maintenance, error) {
	var out api.Maintenance
	err := p.client.do(ctx, call{method: http.MethodPost, path: p.path(instance, "maintenance", id, what), body: body, out: &out, changes: true})
	return out, err
}

// Restarts returns restarts that the operator or Souk has planned, the newest first;
// query may hold zone, service, and all=true for those that have ended, too. limit 0
// means all of them.
func (o *Operator) Restarts(ctx context.Context, query url.Values, limit int) ([]api.OperatorMaintenance, error) {
	return list[api.OperatorMaintenance](ctx, o.client, limit, query, "operator", "maintenance")
}

// RestartsPage returns a page of them.
func (o *Operator) RestartsPage(ctx context.Context, query url.Values, limit int, cursor string) (api.List[api.OperatorMaintenance], error) {
	var out api.List[api.OperatorMaintenance]
	err := o.client.get(ctx, pageQuery(query, limit, cursor), &out, "operator", "maintenance")
	return out, err
}

// WithdrawMaintenance takes restarts back that the operator has planned.
func (o *Operator) WithdrawMaintenance(ctx context.Context, want api.MaintenanceWithdrawal) (api.MaintenanceWithdrawn, error) {
	var out api.MaintenanceWithdrawn
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "maintenance", "withdraw"}, body: want, out: &out, changes: true})
	return out, err
}

// PlanMaintenance plans restarts of servers: of an instance, or of a zone's.
func (o *Operator) PlanMaintenance(ctx context.Context, plan api.MaintenancePlan) (api.MaintenancePlanned, error) {
	return o.planMaintenance(ctx, plan, nil)
}

// PreviewMaintenance says what PlanMaintenance would plan.
func (o *Operator) PreviewMaintenance(ctx context.Context, plan api.MaintenancePlan) (api.MaintenancePlanned, error) {
	return o.planMaintenance(ctx, plan, dryRun)
}

func (o *Operator) planMaintenance(ctx context.Context, plan api.MaintenancePlan, query url.Values) (api.MaintenancePlanned, error) {
	var out api.MaintenancePlanned
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "maintenance"}, query: query, body: plan, out: &out, changes: query == nil})
	return out, err
}
