package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store/storetest"
)

var readinessRows = map[string]row{
	"operator-readiness": {operator: readers, request: get("/api/v1/operator/services/" + httpapitest.Service + "/readiness")},
	"operator-waive": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return waiving(t, e)
	}},
	"operator-unwaive": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/waivers/" + waived(t, e).ID}
	}},
}

// waiving makes a waiver that there is not yet.
func waiving(t *testing.T, e *httpapitest.Env) httpapitest.Request {
	t.Helper()
	if _, err := storetest.Superuser(t, e.Config).Exec(t.Context(), "DELETE FROM readiness_waivers"); err != nil {
		t.Fatal(err)
	}
	return post("/api/v1/operator/services/"+httpapitest.Service+"/waivers", someWaiver(e))
}

func someWaiver(e *httpapitest.Env) api.WaiverCreate {
	return api.WaiverCreate{Zone: httpapitest.Zone, Check: "upgrade", Reason: "The zone has one minor version only.", Until: e.Clock.Now().AddDate(0, 0, 30)}
}

func waived(t *testing.T, e *httpapitest.Env) (out api.ReadinessWaiver) {
	t.Helper()
	q := waiving(t, e)
	q.Token = e.Token(t, httpapitest.Operator, "", api.RoleAdmin)
	e.Do(t, q).Want(t, 201).Decode(t, &out)
	return out
}
