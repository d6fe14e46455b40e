package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/maturity"
	"souk/internal/signing"
	"souk/internal/store"
	"souk/services/postgresql"
)

// iteration is one of the service's in the zone, as everybody sees it.
func iteration(t *testing.T, e *httpapitest.Env, name string) api.MaturityIteration {
	t.Helper()
	var s api.Service
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service}).Decode(t, &s)
	for _, m := range s.Maturity {
		for _, it := range m.Iterations {
			if m.Zone == httpapitest.Zone && it.Name == name {
				return it
			}
		}
	}
	t.Fatalf("no iteration %s in %+v", name, s.Maturity)
	return api.MaturityIteration{}
}

// What a run showed is signed, public, and makes the maturity that the catalog has,
// until it is too old or the service is another.
func TestMaturityIsComputed(t *testing.T) {
	e := httpapitest.New(t)
	if it := iteration(t, e, "logs"); it.State != api.ProofNotProven {
		t.Errorf("before any run: %+v", it)
	}
	provides(t, e, httpapitest.Own)
	report := someReport(t, e)
	signed := recorded(t, e, report)
	if r := signed.Result; r.RunBy != httpapitest.Own || r.Driver != "fake" || r.PackageRevision != 1 || len(r.EngineVersions) != 1 || !r.ExpiresAt.Equal(e.Clock.Now().Add(maturity.Lasts)) {
		t.Errorf("the result is %+v", r)
	}
	var keys jose.JSONWebKeySet
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/signing-keys"}).Decode(t, &keys)
	checked, err := signing.Verify(keys, signed.JWS)
	var payload api.Conformance
	if err != nil || checked.Kind != signing.Conformance || json.Unmarshal(checked.Payload, &payload) != nil || payload.ID != signed.Result.ID {
		t.Errorf("signed is %+v, %v", checked, err)
	}
	states := map[string]string{}
	for _, p := range signed.Result.Proofs {
		states[p.Capability] = p.State
	}
	for capability, want := range map[string]string{"provisioning": api.ProofPassed, "logs": api.ProofFailed, "backup": api.ProofNotProven, "bindings": api.ProofNotProven} {
		if states[capability] != want {
			t.Errorf("%s is %q, want %s", capability, states[capability], want)
		}
	}
	if it := iteration(t, e, "logs"); it.State != api.ProofFailed || it.Proofs[0].Reason != "no line appears" || it.Proofs[0].Result != signed.Result.ID {
		t.Errorf("logs: %+v", it)
	}
	if it := iteration(t, e, "provisioning"); it.State != api.ProofNotProven || it.ProvenAt != nil {
		t.Errorf("provisioning, of which bindings were not looked at: %+v", it)
	}
	report.Proofs = []api.Proof{{Capability: "logs", State: api.ProofPassed, Evidence: []string{"A line appeared."}}}
	e.Clock.Advance(time.Second)
	recorded(t, e, report)
	if it := iteration(t, e, "logs"); it.State != api.ProofPassed || it.ProvenAt == nil {
		t.Errorf("logs after another run: %+v", it)
	}
	e.Clock.Advance(maturity.Lasts)
	if it := iteration(t, e, "logs"); it.State != api.ProofExpired || !strings.Contains(it.Proofs[0].Reason, "too long ago") {
		t.Errorf("logs after a month: %+v", it)
	}
	e.Clock.Advance(-maturity.Lasts)
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		d := postgresql.Package().Definition
		d.Summary = "Another revision."
		var provider, prices, zone uuid.UUID
		if err := tx.QueryRow(ctx, "SELECT s.provider_id, l.id, z.id FROM services s, price_list_revisions l, zones z WHERE z.name = $1 LIMIT 1", httpapitest.Zone).Scan(&provider, &prices, &zone); err != nil {
			return err
		}
		revision, err := catalog.PublishPackage(ctx, tx, provider, d, e.Clock.Now())
		if err != nil {
			return err
		}
		return catalog.PublishOffering(ctx, tx, httpapitest.Service, zone, revision, prices, "best-effort", e.Clock.Now())
	})
	if it := iteration(t, e, "logs"); it.State != api.ProofExpired || !strings.Contains(it.Proofs[0].Reason, "another revision") {
		t.Errorf("logs of a new revision: %+v", it)
	}
}

func TestReportsThatAreRefused(t *testing.T) {
	e := httpapitest.New(t)
	good := someReport(t, e)
	q := post(own.path("/conformance"), good)
	q.Token = e.Token(t, httpapitest.Own, "", api.RoleOwner)
	if p := e.Do(t, q).Problem(t); p.Status != 403 || !strings.Contains(p.Detail, "Only the provider") {
		t.Errorf("of another's service: %+v", p)
	}
	provides(t, e, httpapitest.Own)
	for name, c := range map[string]struct {
		change func(*api.ConformanceReport)
		field  string
	}{
		"an unknown zone":                {func(r *api.ConformanceReport) { r.Zone = "nowhere" }, "body.service"},
		"an instance of nobody":          {func(r *api.ConformanceReport) { r.Instances = []string{uuid.NewString()} }, "body.instances[0]"},
		"no instance's ID":               {func(r *api.ConformanceReport) { r.Instances[0] = "x" }, "body.instances[0]"},
		"an end before the beginning":    {func(r *api.ConformanceReport) { r.EndedAt = r.StartedAt.Add(-time.Hour) }, "body.endedAt"},
		"a capability that there is not": {func(r *api.ConformanceReport) { r.Proofs[0].Capability = "telepathy" }, "body.proofs[0].capability"},
		"a capability twice":             {func(r *api.ConformanceReport) { r.Proofs[1].Capability = "provisioning" }, "body.proofs[1].capability"},
		"what passed without evidence":   {func(r *api.ConformanceReport) { r.Proofs[0].Evidence = []string{} }, "body.proofs[0].evidence"},
		"a state that there is not":      {func(r *api.ConformanceReport) { r.Proofs[0].State = "splendid" }, "body.proofs[0].state"},
		"an instance of another organization": {func(r *api.ConformanceReport) {
			r.Instances[0] = e.Ready(t, httpapitest.Other, httpapitest.OtherProject).ID.String()
		}, "body.instances[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			report := someReport(t, e)
			c.change(&report)
			q := post(own.path("/conformance"), report)
			q.Token = e.Token(t, httpapitest.Own, "", api.RoleOwner)
			p := e.Do(t, q).Problem(t)
			if p.Status != 422 || len(p.Errors) == 0 || p.Errors[0].Location != c.field {
				t.Errorf("%+v", p)
			}
		})
	}
}

// The operator records results of any provider's services.
func TestTheOperatorRecords(t *testing.T) {
	e := httpapitest.New(t)
	provides(t, e, httpapitest.Other)
	i := e.Ready(t, httpapitest.Operator, "desk")
	q := post(operator.path("/conformance"), reportOf(i.ID.String(), e.Clock.Now()))
	q.Token = e.Token(t, httpapitest.Operator, "", api.RoleEditor)
	if got := e.Do(t, q); got.Status != 201 {
		t.Errorf("status %d: %s", got.Status, got.Body)
	}
}
