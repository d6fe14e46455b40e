package httpapi_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func TestADeepPatchIsRefusedAtOnce(t *testing.T) {
	e := httpapitest.New(t)
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	patch := `{"spec":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9001)
	e.Do(t, httpapitest.Request{
		Method: "PATCH", Path: "/api/v1/organizations/" + httpapitest.Own + "/projects/" + httpapitest.OwnProject + "/instances/" + i.Name, Token: e.Token(t, httpapitest.Own, "", api.RoleEditor),
		Body: patch, Header: map[string]string{"Content-Type": "application/merge-patch+json"},
	}).Want(t, 422)
}
