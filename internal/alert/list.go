package alert

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/alert/alertdb"
	"souk/internal/problem"
	"souk/internal/store"
)

// Filter chooses alerts or deliveries, newest first.
type Filter struct {
	Projects []uuid.UUID // nil: all
	Instance *uuid.UUID  // of alerts; nil: all
	State    string      // of alerts; "": all
	Channel  string      // of deliveries; "": all
	Before   uuid.UUID   // uuid.Nil: from the newest on
	Limit    int
}

func (f Filter) before() *uuid.UUID {
	if f.Before == uuid.Nil {
		return nil
	}
	return &f.Before
}

// List returns an organization's alerts: what fires, what may soon, and what did.
func List(ctx context.Context, tx store.Tx, organization uuid.UUID, f Filter) ([]api.Alert, error) {
	rows, err := alertdb.New(tx).Alerts(ctx, alertdb.AlertsParams{OrganizationID: organization, Projects: f.Projects, Instance: f.Instance, State: f.State, Before: f.before(), Limit: int32(f.Limit)})
	list := make([]api.Alert, len(rows))
	for i, r := range rows {
		list[i] = api.Alert{ID: r.ID.String(), Name: r.Name, Title: r.Title, Severity: r.Severity, Summary: r.Summary, Runbook: r.Runbook, State: r.State, Project: r.Project, Instance: r.Instance, Service: r.Service,
			PendingSince: r.PendingSince.UTC(), FiringSince: utc(r.FiringSince), ResolvedAt: utc(r.ResolvedAt), Resolution: r.Resolution, NoDataSince: utc(r.NoDataSince)}
	}
	return list, err
}

// Deliveries returns the log of an organization's messages.
func Deliveries(ctx context.Context, tx store.Tx, organization uuid.UUID, f Filter) ([]api.AlertDelivery, error) {
	rows, err := alertdb.New(tx).Deliveries(ctx, alertdb.DeliveriesParams{OrganizationID: organization, Channel: f.Channel, Before: f.before(), Limit: int32(f.Limit)})
	if err != nil {
		return nil, err
	}
	list := make([]api.AlertDelivery, len(rows))
	for i, r := range rows {
		if list[i], err = deliveryView(r); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Delivery returns one of them.
func Delivery(ctx context.Context, tx store.Tx, organization, id uuid.UUID) (api.AlertDelivery, error) {
	r, err := alertdb.New(tx).Delivery(ctx, alertdb.DeliveryParams{OrganizationID: organization, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return api.AlertDelivery{}, problem.NotFound("delivery", id.String())
	}
	if err != nil {
		return api.AlertDelivery{}, err
	}
	return deliveryView(r)
}

func deliveryView(r alertdb.AlertDelivery) (api.AlertDelivery, error) {
	d := api.AlertDelivery{ID: r.ID.String(), Channel: r.ChannelName, Test: r.Lane == tellsTest, Status: r.Status, Attempts: int(r.Attempts), LastError: r.LastError, CreatedAt: r.CreatedAt.UTC(), SentAt: utc(r.SentAt)}
	if r.Status == "waiting" {
		d.NextAt = utc(&r.NextAt)
	}
	var err error
	d.Notices, err = noticesOf(r.Notices)
	return d, err
}

func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	u := at.UTC()
	return &u
}
