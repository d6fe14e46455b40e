package zone_test

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"souk/internal/agentapi"
	"souk/internal/agentapi/conformance"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/problem"
	"souk/internal/store"
)

// revoke cuts the agent of zone local off.
func (p *plane) revoke(zone, reason string) (changed bool, err error) {
	p.t.Helper()
	err = p.Store.System(p.t.Context(), func(tx store.Tx) (err error) {
		_, changed, err = p.zones.Revoke(context.Background(), tx, zone, reason)
		return err
	})
	return changed, err
}

// A zone that is cut off goes on running what runs; the record says why nothing is
// carried out, orders are refused, and a new enrolment brings it back.
func TestRevokedZoneRunsOnAndComesBack(t *testing.T) {
	p := newPlane(t)
	d := newDriver()
	m := p.machine(d).Start()
	p.awaitHello()
	id := p.order()
	p.awaitPhase(id, "Ready")
	before, err := d.Observe(t.Context(), id.String())
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := p.revoke("local", "its machine was stolen"); !changed || err != nil {
		t.Fatalf("revoked: %v, %v", changed, err)
	}
	if changed, err := p.revoke("local", "again"); changed || err != nil {
		t.Errorf("revoked again: %v, %v", changed, err)
	}
	if n := p.Count(t, "zone_agents WHERE revoked_reason = 'its machine was stolen'"); n != 1 {
		t.Error("the first reason is not on record")
	}
	m.awaitLog("does not accept this agent's certificate", 1)

	p.Act(t, "db1", p.grow(id.String()))
	if now, err := d.Observe(t.Context(), id.String()); err != nil || now.State != before.State || now.Generation != before.Generation {
		t.Errorf("in the zone it is now %+v, %v", now, err)
	}
	doc := p.View(t, id).API(p.Machine.Now())
	if c := doc.Status.Conditions[0]; c.Status || c.Reason != "AgentRevoked" || !strings.Contains(c.Message, "goes on running") || doc.Status.Phase != "Updating" {
		t.Errorf("the instance is %s with %+v", doc.Status.Phase, c)
	}
	if err := p.ordered("db9"); problem.As(err) == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("an order ended with %v", err)
	}
	if err := os.WriteFile(m.config.EnrolTokenFile, []byte(p.token()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.awaitPhase(id, "Ready")
	if n := p.Count(t, "zone_agents WHERE epoch = 2 AND revoked_at IS NULL AND revoked_reason = ''"); n != 1 {
		t.Error("the zone is still cut off")
	}
	p.mustAudit()
}

// ordered tries an order.
func (p *plane) ordered(name string) error {
	_, err := p.Do(p.t, func(ctx context.Context, tx store.Tx, place instance.Place) (instance.View, error) {
		return p.Service.Order(ctx, tx, place, instancetest.Order(name))
	})
	return err
}

// What was handed out to enrol with before is worth nothing after, and whoever
// repeats an enrolment gets no certificate again.
func TestRevocationSpoilsTokens(t *testing.T) {
	p := newPlane(t)
	handedOut := p.token()
	if changed, err := p.revoke("local", ""); !changed || err != nil {
		t.Fatalf("a token that was handed out is not spoilt: %v, %v", changed, err)
	}
	key := conformance.NewKey(t)
	a := conformance.Enrol(t, p.conformance())
	status, code := a.Post(agentapi.PathEnrol, agentapi.EnrolRequest{Token: handedOut, CSR: key.CSR}, nil)
	mustSay(t, "the token from before", status, http.StatusForbidden, code, "token-refused")
	used := p.token()
	var enrolled agentapi.EnrolResponse
	status, code = a.Post(agentapi.PathEnrol, agentapi.EnrolRequest{Token: used, CSR: key.CSR}, &enrolled)
	mustSay(t, "a new token", status, http.StatusOK, code, "")
	if _, err := p.revoke("local", ""); err != nil {
		t.Fatal(err)
	}
	status, code = a.Post(agentapi.PathEnrol, agentapi.EnrolRequest{Token: used, CSR: key.CSR}, nil)
	mustSay(t, "the same again", status, http.StatusForbidden, code, "revoked")
}

func TestBadRevocations(t *testing.T) {
	p := newPlane(t)
	for what, c := range map[string]struct{ zone, reason, code string }{
		"no such zone":               {"mars", "", "not-found"},
		"a zone without an agent":    {"local", "", "no-agent"},
		"a reason of 501 characters": {"local", strings.Repeat("a", 501), "invalid"},
		"a reason with a zero byte":  {"local", "a\x00", "invalid"},
	} {
		if _, err := p.revoke(c.zone, c.reason); problem.As(err) == nil || problem.As(err).Code != c.code {
			t.Errorf("%s: %v", what, err)
		}
	}
}
