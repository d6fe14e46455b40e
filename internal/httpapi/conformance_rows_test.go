package httpapi_test

import (
	"context"
	"testing"
	"time"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

var conformanceRows = map[string]row{
	"conformance-record": {may: editors, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		provides(t, e, at.organization)
		return post(at.path("/conformance"), someReport(t, e))
	}},
	"conformance-get": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		provides(t, e, httpapitest.Own)
		return httpapitest.Request{Method: "GET", Path: "/api/v1/conformance/" + recorded(t, e, someReport(t, e)).Result.ID}
	}},
	"conformance-list": {everyone: true, request: get("/api/v1/services/" + httpapitest.Service + "/conformance")},
}

// provides makes the organization the provider of the service.
func provides(t *testing.T, e *httpapitest.Env, organization string) {
	t.Helper()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, _, err := catalog.MakeProvider(ctx, tx, api.ProviderCreate{Name: organization, Kind: "isv", Organization: organization}, e.Clock.Now())
		return err
	})
	_, err := storetest.Superuser(t, e.Config).Exec(t.Context(), "UPDATE services SET provider_id = (SELECT id FROM providers WHERE name = $1) WHERE name = $2", organization, httpapitest.Service)
	if err != nil {
		t.Fatal(err)
	}
}

// someReport is of a run that the own organization did.
func someReport(t *testing.T, e *httpapitest.Env) api.ConformanceReport {
	t.Helper()
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	return reportOf(i.ID.String(), e.Clock.Now())
}

func reportOf(instance string, at time.Time) api.ConformanceReport {
	return api.ConformanceReport{Service: httpapitest.Service, Zone: httpapitest.Zone, Runner: "test", Instances: []string{instance}, StartedAt: at.Add(-time.Minute), EndedAt: at, Proofs: []api.Proof{
		{Capability: "provisioning", State: api.ProofPassed, Evidence: []string{"Ordered: ready after 1.00 s."}, Seconds: 1},
		{Capability: "logs", State: api.ProofFailed, Reason: "no line appears", Evidence: []string{}},
	}}
}

func recorded(t *testing.T, e *httpapitest.Env, r api.ConformanceReport) (out api.SignedConformance) {
	t.Helper()
	q := post(own.path("/conformance"), r)
	q.Token = e.Token(t, httpapitest.Own, "", api.RoleEditor)
	got := e.Do(t, q)
	if got.Status != 201 {
		t.Fatalf("status %d: %s", got.Status, got.Body)
	}
	got.Decode(t, &out)
	return out
}
