package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

var explanationRows = map[string]row{
	"organization-cost-line": {may: everyRole, anyProject: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodGet, Path: at.path("/cost/lines/" + costLine(t, e, at) + "?project=" + at.project)}
	}},
	"organization-cost-events": {may: everyRole, operator: readers, anyProject: true, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		i := e.Ready(t, at.organization, at.project)
		q := url.Values{"project": {at.project}, "instance": {i.ID.String()}, "meter": {"queries"}, "hour": {e.Clock.Now().UTC().Truncate(time.Hour).Format(time.RFC3339)}}
		return httpapitest.Request{Method: http.MethodGet, Path: at.path("/cost/events?" + q.Encode())}
	}},
	"invoices-draft-line": {may: everyRole, operator: readers, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: http.MethodGet, Path: at.path("/invoices/draft/lines/" + costLine(t, e, at))}
	}},
	"invoices-line": {may: everyRole, operator: readers, request: ofInvoice("/lines/1")},
}

// costLine is the key of a line of what an instance of the place has cost this month.
func costLine(t *testing.T, e *httpapitest.Env, at place) string {
	t.Helper()
	i := e.Ready(t, at.organization, at.project)
	e.Clock.Advance(time.Second)
	var cost api.Cost
	e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: at.inProject("/instances/" + i.Name + "/cost"), Token: e.Token(t, at.organization, "", api.RoleOwner)}).Want(t, http.StatusOK).Decode(t, &cost)
	return cost.Lines[0].Key
}

// What a line of costs is made of, page by page, and what is wrong with how it is asked for.
func TestLinesOfCostsAreExplained(t *testing.T) {
	e := httpapitest.New(t)
	at := place{httpapitest.Own, httpapitest.OwnProject}
	key, token := costLine(t, e, at), e.Token(t, httpapitest.Own, "", api.RoleBilling)
	get := func(path string, status int) httpapitest.Response {
		t.Helper()
		return e.Do(t, httpapitest.Request{Method: http.MethodGet, Path: at.path(path), Token: token}).Want(t, status)
	}
	var is api.Explanation
	get("/cost/lines/"+key, http.StatusOK).Decode(t, &is)
	if is.Count != 1 || len(is.Parts) != 1 || is.Next != "" || is.Parts[0].State != "active" || is.Parts[0].Seconds != "1.00" || is.PriceRevision != 1 || is.InstanceID == "" {
		t.Errorf("%+v", is)
	}
	if c := is.Parts[0].Causes; len(c) != 2 || c[0].What != "order" || c[1].Kind != "fact" || c[1].What != "running" { // both at once
		t.Errorf("it began with %+v", c)
	}
	for path, status := range map[string]int{
		"/cost/lines/none": http.StatusNotFound, "/cost/lines/" + key + "?month=2099-01": http.StatusUnprocessableEntity, "/cost/lines/" + key + "?month=x": http.StatusUnprocessableEntity,
		"/cost/lines/" + key + "?cursor=eA": http.StatusUnprocessableEntity, "/cost/lines/" + key + "?project=nowhere": http.StatusNotFound,
		"/invoices/draft/lines/none": http.StatusNotFound, "/invoices/2099-000001/lines/1": http.StatusNotFound, "/invoices/" + e.Issued(t, httpapitest.Own) + "/lines/7": http.StatusNotFound,
		"/cost/events?instance=x&meter=queries&hour=2026-03-01T10:00:00Z":                                     http.StatusUnprocessableEntity,
		"/cost/events?instance=" + is.InstanceID + "&meter=queries&hour=2026-03-01T10:30:00Z":                 http.StatusUnprocessableEntity,
		"/cost/events?instance=" + is.InstanceID + "&meter=queries&hour=2026-03-01T10:00:00Z&cursor=LTE":      http.StatusUnprocessableEntity,
		"/cost/events?instance=" + is.InstanceID + "&meter=queries&hour=2026-03-01T10:00:00Z&project=nowhere": http.StatusNotFound,
	} {
		get(path, status)
	}
}
