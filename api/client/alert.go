package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Alerts returns what is the matter with instances, and was, newest first; an empty
// state means all, and limit 0 all there are.
func (o *Organization) Alerts(ctx context.Context, state string, limit int) ([]api.Alert, error) {
	query := url.Values{}
	set(query, "state", state)
	return list[api.Alert](ctx, o.client, limit, query, o.path("alerts")...)
}

// FiringAlerts returns what is the matter with an instance now, newest first.
func (o *Organization) FiringAlerts(ctx context.Context, instanceID string) ([]api.Alert, error) {
	return list[api.Alert](ctx, o.client, 0, url.Values{"state": {"firing"}, "instance": {instanceID}}, o.path("alerts")...)
}

// AlertChannels lists the ways in which the organization is told of alerts.
func (o *Organization) AlertChannels(ctx context.Context) ([]api.AlertChannel, error) {
	return listWhole[api.AlertChannel](ctx, o.client, o.path("alert-channels")...)
}

// CreateAlertChannel makes a channel. A webhook's Secret is only in this answer; it
// is empty when the answer to a first try was lost on the way: delete the channel and
// make another.
func (o *Organization) CreateAlertChannel(ctx context.Context, channel api.AlertChannelCreate) (api.AlertChannel, error) {
	var out api.AlertChannel
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("alert-channels"), body: channel, out: &out, changes: true})
	return out, err
}

// SetQuietHours sets a channel's quiet hours; empty ones end them.
func (o *Organization) SetQuietHours(ctx context.Context, channel string, hours api.QuietHours) (api.AlertChannel, error) {
	var out api.AlertChannel
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path("alert-channels", channel, "quiet-hours"), body: hours, out: &out, changes: true})
	return out, err
}

// TestAlertChannel has a test sent.
func (o *Organization) TestAlertChannel(ctx context.Context, channel string) (api.AlertDelivery, error) {
	var out api.AlertDelivery
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("alert-channels", channel, "test"), out: &out, changes: true})
	return out, err
}

// DeleteAlertChannel deletes a channel.
func (o *Organization) DeleteAlertChannel(ctx context.Context, channel string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("alert-channels", channel), changes: true})
}

// AlertDeliveries is the log of what channels were told, newest first; an empty
// channel means all, and limit 0 all there are.
func (o *Organization) AlertDeliveries(ctx context.Context, channel string, limit int) ([]api.AlertDelivery, error) {
	query := url.Values{}
	set(query, "channel", channel)
	return list[api.AlertDelivery](ctx, o.client, limit, query, o.path("alert-deliveries")...)
}

// Runbook returns what to do about an alert of an instance.
func (p *Project) Runbook(ctx context.Context, instance, runbook string) (api.Runbook, error) {
	var out api.Runbook
	err := p.client.get(ctx, nil, &out, p.path(instance, "runbooks", runbook)...)
	return out, err
}
