package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/maturity"
	"souk/internal/store"
)

// check is one of the service's in the zone, as everybody sees it.
func check(t *testing.T, e *httpapitest.Env, name string) api.ReadinessCheck {
	t.Helper()
	for _, c := range iteration(t, e, api.IterationStable).Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s", name)
	return api.ReadinessCheck{}
}

func observe(t *testing.T, e *httpapitest.Env) {
	t.Helper()
	if err := (&maturity.Observer{Store: e.Store, Clock: e.Clock, Catalog: catalog.New()}).Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A waiver is public with its reason, without who made it; it holds until it ends or is
// ended, and is in the audit log.
func TestWaivers(t *testing.T) {
	e := httpapitest.New(t)
	if c := check(t, e, "upgrade"); c.State != api.ProofNotProven || c.Waiver != nil {
		t.Errorf("before: %+v", c)
	}
	w := waived(t, e)
	if w.WaivedBy == "" || w.EndedAt != nil {
		t.Errorf("made: %+v", w)
	}
	if c := check(t, e, "upgrade"); c.State != api.ProofNotProven || c.Waiver == nil || c.Waiver.Reason != w.Reason || c.Waiver.WaivedBy != "" {
		t.Errorf("as everybody sees it: %+v", c)
	}
	q := post("/api/v1/operator/services/"+httpapitest.Service+"/waivers", someWaiver(e))
	q.Token = e.Token(t, httpapitest.Operator, "", api.RoleAdmin)
	if p := e.Do(t, q).Problem(t); p.Status != 409 || p.Code != "waived-already" {
		t.Errorf("twice: %+v", p)
	}
	end := httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/waivers/" + w.ID, Token: q.Token}
	var ended api.ReadinessWaiver
	if e.Do(t, end).Want(t, 200).Decode(t, &ended); ended.EndedAt == nil || ended.EndedBy == "" {
		t.Errorf("ended: %+v", ended)
	}
	if p := e.Do(t, end).Problem(t); p.Status != 409 || p.Code != "waiver-over" {
		t.Errorf("ended twice: %+v", p)
	}
	if c := check(t, e, "upgrade"); c.Waiver != nil {
		t.Errorf("after its end: %+v", c)
	}
	e.Do(t, q).Want(t, 201)
	e.Clock.Advance(30*24*time.Hour + time.Second)
	if c := check(t, e, "upgrade"); c.Waiver != nil {
		t.Errorf("after its time: %+v", c)
	}
	if n := count(t, e, "SELECT count(*) FROM audit_events WHERE action IN ('readiness.waive', 'readiness.unwaive') AND details->>'reason' = $1", w.Reason); n != 3 {
		t.Errorf("%d audit entries", n)
	}
	var all api.List[api.ServiceReadiness]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/services/" + httpapitest.Service + "/readiness", Token: e.Token(t, httpapitest.Operator, "", api.RoleViewer)}).Want(t, 200).Decode(t, &all)
	if len(all.Items) != 1 || len(all.Items[0].Waivers) != 2 || all.Items[0].Waivers[0].WaivedBy == "" {
		t.Errorf("as the operator sees it: %+v", all.Items)
	}
}

func TestWaiversThatAreRefused(t *testing.T) {
	e := httpapitest.New(t)
	token := e.Token(t, httpapitest.Operator, "", api.RoleAdmin)
	for name, c := range map[string]struct {
		change func(*api.WaiverCreate)
		field  string
	}{
		"a check that there is not": {func(w *api.WaiverCreate) { w.Check = "beauty" }, "body.check"},
		"a zone without it":         {func(w *api.WaiverCreate) { w.Zone = "nowhere" }, "body.zone"},
		"no reason":                 {func(w *api.WaiverCreate) { w.Reason = strings.Repeat(" ", 20) }, "body.reason"},
		"an end in the past":        {func(w *api.WaiverCreate) { w.Until = e.Clock.Now() }, "body.until"},
		"for ever":                  {func(w *api.WaiverCreate) { w.Until = e.Clock.Now().AddDate(0, 0, 91) }, "body.until"},
	} {
		t.Run(name, func(t *testing.T) {
			w := someWaiver(e)
			c.change(&w)
			q := post("/api/v1/operator/services/"+httpapitest.Service+"/waivers", w)
			q.Token = token
			p := e.Do(t, q).Problem(t)
			if p.Status != 422 || len(p.Errors) == 0 || p.Errors[0].Location != c.field {
				t.Errorf("%+v", p)
			}
		})
	}
}

// What is in use is looked at: restore drills by their certificates, availability as it
// was measured. The operator sees of which instances that is, others do not.
func TestWhatIsInUseIsLookedAt(t *testing.T) {
	e := httpapitest.New(t)
	if c := check(t, e, "drills"); c.State != api.ProofNotProven || !strings.Contains(c.Reason, "not been looked at") {
		t.Errorf("before any look: %+v", c)
	}
	observe(t, e)
	if c := check(t, e, "drills"); c.State != api.ProofNotProven || !strings.Contains(c.Reason, "No restore drill") {
		t.Errorf("without drills: %+v", c)
	}
	ofDrill("")(t, e, own)
	observe(t, e)
	if c := check(t, e, "drills"); c.State != api.ProofNotProven {
		t.Errorf("looked at again too soon: %+v", c)
	}
	e.Clock.Advance(15 * time.Minute)
	observe(t, e)
	if c := check(t, e, "drills"); c.State != api.ProofPassed || len(c.Evidence) != 1 {
		t.Errorf("with a drill: %+v", c)
	}
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		at := e.Clock.Now()
		if _, err := tx.Exec(ctx, `INSERT INTO drills (id, organization_id, instance_id, backup_id, kind, state, created_at, started_at, finished_at)
			SELECT $1, organization_id, instance_id, id, 'scheduled', 'failed', $2, $2, $2 FROM backups LIMIT 1`, uuid.New(), at); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO sli_intervals (zone_id, epoch, sequence, organization_id, instance_id, boot_id, state, from_at, to_at, reported_at, real_at, recorded_at)
			SELECT i.zone_id, 7, 1, i.organization_id, i.id, 'b', 'down', s.from_at, $1, $1, $1, $1 FROM backups b JOIN instances i ON i.id = b.instance_id JOIN segments s ON s.instance_id = i.id AND s.state = 'active' LIMIT 1`, at)
		return err
	})
	e.Clock.Advance(15 * time.Minute)
	observe(t, e)
	if c := check(t, e, "drills"); c.State != api.ProofFailed {
		t.Errorf("with one that failed since: %+v", c)
	}
	if c := check(t, e, "objectives"); c.State != api.ProofFailed || !strings.Contains(c.Reason, "0.0000 %") {
		t.Errorf("what was down only: %+v", c)
	}
	var all api.List[api.ServiceReadiness]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/operator/services/" + httpapitest.Service + "/readiness", Token: e.Token(t, httpapitest.Operator, "", api.RoleViewer)}).Want(t, 200).Decode(t, &all)
	told := map[string]string{}
	for _, r := range all.Items[0].Records {
		told[r.Check] = r.State + " " + r.Organization
	}
	if told["drills"] != "failed "+httpapitest.Own || told["objectives"] != "failed "+httpapitest.Own {
		t.Errorf("records: %+v", all.Items[0].Records)
	}
	if public := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service}); strings.Contains(string(public.Body), httpapitest.OwnProject+"/") {
		t.Error("everybody sees of which instances it is")
	}
	e.Clock.Advance(3 * time.Hour)
	if c := check(t, e, "drills"); c.State != api.ProofExpired {
		t.Errorf("hours later: %+v", c)
	}
}
