package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var deviceRows = map[string]row{
	"device-begin": {everyone: true, silent: true, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return deviceRequest("", api.DeviceStart{Client: "souk CLI on laptop"})
	}},
	"device-token": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		d, email := beginDevice(t, e), freshEmail()
		e.Member(t, httpapitest.Own, email, api.RoleViewer)
		e.Do(t, with(deviceRequest("/approve", api.DeviceDecision{UserCode: d.UserCode}), e.Session(t, email))).Want(t, 204)
		return deviceRequest("/token", api.DeviceExchange{DeviceCode: d.DeviceCode})
	}},
	"device-lookup":  {silent: true, self: decides("/lookup")},
	"device-approve": {self: decides("/approve")},
	"device-deny":    {self: decides("/deny")},
}

func deviceRequest(rest string, body any) httpapitest.Request {
	return httpapitest.Request{Method: "POST", Path: "/api/v1/device" + rest, Body: body}
}

func beginDevice(t *testing.T, e *httpapitest.Env) (d api.DeviceCodes) {
	t.Helper()
	e.Do(t, deviceRequest("", api.DeviceStart{Client: "souk CLI on laptop"})).Want(t, 200).Decode(t, &d)
	return d
}

func decides(rest string) func(*testing.T, *httpapitest.Env, string) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, _ string) httpapitest.Request {
		return deviceRequest(rest, api.DeviceDecision{UserCode: beginDevice(t, e).UserCode})
	}
}
