package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var alertRows = map[string]row{
	"alerts-list":           {may: readers, anyProject: true, request: in("GET", "/alerts?state=firing")},
	"alert-deliveries-list": {may: readers, request: in("GET", "/alert-deliveries")},
	"alert-channels-list":   {may: readers, request: in("GET", "/alert-channels")},
	"alert-channels-create": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		clearChannels(t, e, at)
		return httpapitest.Request{Method: "POST", Path: at.path("/alert-channels"), Body: slack(freshName())}
	}},
	"alert-channels-quiet": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "PUT", Path: at.path("/alert-channels/" + freshChannel(t, e, at) + "/quiet-hours"), Body: api.QuietHours{From: "22:00", To: "07:00", Zone: "Europe/Zurich"}}
	}},
	"alert-channels-test": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: at.path("/alert-channels/" + freshChannel(t, e, at) + "/test")}
	}},
	"alert-channels-delete": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: at.path("/alert-channels/" + freshChannel(t, e, at))}
	}},
	"instances-runbook": {may: readers, request: onReady("GET", "/runbooks/storage")},
}

func slack(name string) api.AlertChannelCreate {
	return api.AlertChannelCreate{Name: name, Kind: "slack", URL: "https://hooks.example.com/T0/B0/secret"}
}

// freshChannel makes the only channel of the place's organization.
func freshChannel(t *testing.T, e *httpapitest.Env, at place) string {
	t.Helper()
	clearChannels(t, e, at)
	name := freshName()
	e.Do(t, httpapitest.Request{Method: "POST", Path: at.path("/alert-channels"), Token: e.Token(t, at.organization, "", api.RoleOwner), Body: slack(name)}).Want(t, 201)
	return name
}

// clearChannels keeps an organization from having as many as it may.
func clearChannels(t *testing.T, e *httpapitest.Env, at place) {
	t.Helper()
	owner := e.Token(t, at.organization, "", api.RoleOwner)
	var all api.List[api.AlertChannel]
	e.Do(t, httpapitest.Request{Method: "GET", Path: at.path("/alert-channels"), Token: owner}).Want(t, 200).Decode(t, &all)
	for _, c := range all.Items {
		e.Do(t, httpapitest.Request{Method: "DELETE", Path: at.path("/alert-channels/" + c.Name), Token: owner}).Want(t, 204)
	}
}
