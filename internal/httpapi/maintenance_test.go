package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// What would be planned is said without planning it; a repeat of the same request is
// told what was planned.
func TestRestartsOfAZone(t *testing.T) {
	e := httpapitest.New(t)
	i := e.Order(t, httpapitest.Own, httpapitest.OwnProject, freshName())
	ready(t, e, i)
	q := httpapitest.Request{Method: "POST", Path: "/api/v1/operator/maintenance?dryRun=true", Token: e.Token(t, httpapitest.Operator, "", api.RoleEditor),
		Body: api.MaintenancePlan{Zone: httpapitest.Zone, Reason: "Other hardware"}}
	var would, did, again api.MaintenancePlanned
	e.Do(t, q).Want(t, 200).Decode(t, &would)
	if would.Planned || len(would.Items) != 1 || would.Items[0].ID != "" || would.Items[0].Organization != httpapitest.Own {
		t.Fatalf("would plan %+v", would)
	}
	q.Path, q.Key = "/api/v1/operator/maintenance", "the-same"
	e.Do(t, q).Want(t, 200).Decode(t, &did)
	e.Do(t, q).Want(t, 200).Decode(t, &again)
	if !did.Planned || len(did.Items) != 1 || did.Items[0].ID == "" || len(again.Items) != 1 || again.Items[0] != did.Items[0] {
		t.Errorf("planned %+v, and again %+v", did, again)
	}
}
