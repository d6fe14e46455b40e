package httpapi_test

import (
	"context"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

var maintenanceRows = map[string]row{
	"maintenance-calendar": {may: readers, anyProject: true, request: in("GET", "/maintenance?open=true")},
	"calendar-feed":        {may: readers, anyProject: true, request: in("GET", "/maintenance/calendar")},
	"calendar-feed-make":   {may: readers, anyProject: true, request: in("POST", "/maintenance/calendar")},
	// There is none to end, and nothing is written; TestCalendarFeed ends one.
	"calendar-feed-end": {may: readers, anyProject: true, silent: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM calendar_feeds")
			return err
		})
		return httpapitest.Request{Method: "DELETE", Path: at.path("/maintenance/calendar")}
	}},
	"calendar-read": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		var feed api.CalendarFeed
		e.Do(t, httpapitest.Request{Method: "POST", Path: at.path("/maintenance/calendar"), Token: e.Token(t, at.organization, "", api.RoleViewer)}).Want(t, 201).Decode(t, &feed)
		return httpapitest.Request{Method: "GET", Path: feed.URL[strings.Index(feed.URL, "/api/"):]}
	}},
	"maintenance-list":    {may: readers, request: onReady("GET", "/maintenance")},
	"maintenance-get":     {may: readers, request: onMaintenance("GET", "", nil)},
	"maintenance-defer":   {may: editors, request: onMaintenance("POST", "/defer", api.MaintenanceDefer{})},
	"maintenance-run":     {may: editors, request: onMaintenance("POST", "/run", nil)},
	"maintenance-approve": {may: editors, request: onMaintenance("POST", "/approve", nil)},
	"maintenance-cancel":  {may: editors, request: onMaintenance("POST", "/cancel", nil)},
	"operator-maintenance-list": {operator: readers, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return httpapitest.Request{Method: "GET", Path: "/api/v1/operator/maintenance?zone=" + httpapitest.Zone}
	}},
	"operator-maintenance-withdraw": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, at.project, freshName())
		ready(t, e, i)
		var did api.MaintenancePlanned
		e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/operator/maintenance", Token: e.Token(t, httpapitest.Operator, "", api.RoleEditor),
			Body: api.MaintenancePlan{Instance: i.ID.String(), Reason: "a newer version"}}).Want(t, 200).Decode(t, &did)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/operator/maintenance/withdraw", Body: api.MaintenanceWithdrawal{IDs: []string{did.Items[0].ID}, Reason: "not needed"}}
	}},
	"operator-maintenance": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Order(t, at.organization, at.project, freshName())
		ready(t, e, i)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/operator/maintenance", Body: api.MaintenancePlan{Instance: i.ID.String(), Reason: "a newer version"}}
	}},
}

// onMaintenance is for a request about a change of a fresh instance that was put off.
func onMaintenance(method, verb string, body any) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		q := onInstance("PATCH", "", map[string]any{"spec": map[string]any{"allowedNetworks": []string{"192.0.2.0/24"}}}, ready)(t, e, at)
		path := q.Path
		q.Path, q.Token = path+"?inWindow=true", e.Token(t, at.organization, "", api.RoleOwner)
		e.Do(t, q).Want(t, 200)
		var all api.List[api.Maintenance]
		e.Do(t, httpapitest.Request{Method: "GET", Path: path + "/maintenance", Token: q.Token}).Want(t, 200).Decode(t, &all)
		return httpapitest.Request{Method: method, Path: path + "/maintenance/" + all.Items[0].ID + verb, Body: body}
	}
}
