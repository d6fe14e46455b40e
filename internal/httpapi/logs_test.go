package httpapi_test

import (
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func TestBadSearchesOfLogs(t *testing.T) {
	e := httpapitest.New(t)
	name := e.Ready(t, httpapitest.Own, httpapitest.OwnProject).Name
	token := e.Token(t, httpapitest.Own, "", api.RoleViewer)
	for query, field := range map[string]string{
		"level=loud": "query.level", "since=yesterday": "query.since", "until=2026-13-01T00:00:00Z": "query.until", "grep=" + strings.Repeat("x", 201): "query.grep",
	} {
		p := e.Do(t, httpapitest.Request{Method: "GET", Path: own.inProject("/instances/" + name + "/logs?" + query), Token: token}).Want(t, 422).Problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Location != field || p.Errors[0].Message == "" {
			t.Errorf("%s: %+v, want %s named", query, p.Errors, field)
		}
	}
}
