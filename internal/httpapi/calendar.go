package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerCalendar() {
	const path = "/api/v1/organizations/{org}/maintenance/calendar"
	register(s, Operation{Method: http.MethodGet, Path: path, ID: "calendar-feed", Tag: "maintenance", Action: authz.InstanceRead, AnyProject: true,
		Summary: "Whether one has an address of the organization's calendar"}, s.calendarFeed)
	register(s, Operation{Method: http.MethodPost, Path: path, ID: "calendar-feed-make", Tag: "maintenance", Action: authz.InstanceRead, AnyProject: true, Status: http.StatusCreated,
		Summary:     "Make an address of the organization's calendar, for a calendar program",
		Description: "What one may see oneself, at any time, is in it. The address is in this answer only; the one before it ends. A repeat with the same Idempotency-Key does not show it again."}, s.makeCalendarFeed)
	register(s, Operation{Method: http.MethodDelete, Path: path, ID: "calendar-feed-end", Tag: "maintenance", Action: authz.InstanceRead, AnyProject: true,
		Summary: "End one's address of the organization's calendar at once"}, s.endCalendarFeed)
	register(s, Operation{Method: http.MethodGet, Path: api.CalendarPath, ID: "calendar-read", Tag: "maintenance", Action: authz.Public, Media: calendarMedia,
		Summary: "Planned work as iCalendar, for whoever has the address"}, s.readCalendar)
}

const calendarMedia = "text/calendar; charset=utf-8"

func (s *Server) calendarFeed(ctx context.Context, _ *InOrganization) (*body[api.CalendarFeed], error) {
	out := &body[api.CalendarFeed]{}
	return out, s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = s.Maintenance.Feed(ctx, tx, p.Organization, p.Principal)
		return err
	})
}

func (s *Server) makeCalendarFeed(ctx context.Context, _ *InOrganization) (*body[api.CalendarFeed], error) {
	out := &body[api.CalendarFeed]{}
	return out, s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = s.Maintenance.MakeFeed(ctx, tx, p.Organization, p.Principal, s.publicURL(ctx)); err != nil {
			return "", err
		}
		return p.Principal.ID, p.Audit(ctx, tx, audit.Event{Action: "calendar.make", Kind: "calendar", ObjectID: p.Principal.ID, ObjectName: p.Actor})
	}, func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = s.Maintenance.Feed(ctx, tx, p.Organization, p.Principal)
		return err
	})
}

func (s *Server) endCalendarFeed(ctx context.Context, _ *InOrganization) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		ended, err := s.Maintenance.EndFeed(ctx, tx, p.Organization, p.Principal)
		if err != nil || !ended {
			return "", err
		}
		return "", p.Audit(ctx, tx, audit.Event{Action: "calendar.end", Kind: "calendar", ObjectID: p.Principal.ID, ObjectName: p.Actor})
	}, noReplay)
}

// readCalendar takes the secret in the query, which no log of ours has.
func (s *Server) readCalendar(ctx context.Context, in *struct {
	Key string `query:"key" required:"true" maxLength:"128"`
}) (*struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}, error) {
	text, err := s.Maintenance.Calendar(ctx, in.Key, s.publicURL(ctx))
	return &struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}{calendarMedia, text}, err
}
