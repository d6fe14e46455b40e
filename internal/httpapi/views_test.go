package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// viewed is what the organization's audit log says of views, oldest first.
func viewed(t *testing.T, e *httpapitest.Env, organization string) []api.AuditRecord {
	t.Helper()
	var log api.List[api.AuditRecord]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + organization + "/audit?q=view.", Token: e.Token(t, organization, "", api.RoleOwner)}).Want(t, 200).Decode(t, &log)
	var out []api.AuditRecord
	for _, r := range log.Items {
		out = append([]api.AuditRecord{r}, out...)
	}
	return out
}

func TestViewIsInBothAuditLogs(t *testing.T) {
	e := httpapitest.New(t)
	e.Member(t, httpapitest.Operator, "boss@operator.example", api.RoleOwner)
	session := e.Session(t, "boss@operator.example")
	id := e.View(t, session, httpapitest.Own)
	e.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/views/" + id, Token: session}).Want(t, 204)
	e.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/views/" + id, Token: session}).Want(t, 404)
	for _, organization := range []string{httpapitest.Own, httpapitest.Operator} {
		log := viewed(t, e, organization)
		if len(log) != 2 || log[0].Action != "view.start" || log[1].Action != "view.end" || log[0].Object != httpapitest.Own {
			t.Fatalf("%s reads %+v", organization, log)
		}
		for _, r := range log {
			if r.Actor != "boss@operator.example" || r.Details["reason"] != "a ticket of theirs" {
				t.Errorf("%s reads %+v", organization, r)
			}
		}
	}
}

func TestViewEnds(t *testing.T) {
	type end struct {
		how     string
		do      func(t *testing.T, e *httpapitest.Env, session, id string)
		because string // as the due work says it; "": it was said at once
	}
	for _, c := range []end{
		{"after its time", func(_ *testing.T, e *httpapitest.Env, _, _ string) { e.Clock.Advance(tenancy.ViewLasts) }, "its time was over"},
		{"when it is stopped", func(t *testing.T, e *httpapitest.Env, session, id string) {
			e.Do(t, httpapitest.Request{Method: "DELETE", Path: "/api/v1/operator/views/" + id, Token: session}).Want(t, 204)
		}, ""},
		{"when another is started", func(t *testing.T, e *httpapitest.Env, session, _ string) { e.View(t, session, httpapitest.Other) }, ""},
		{"with the role", func(t *testing.T, e *httpapitest.Env, _, _ string) {
			e.System(t, func(ctx context.Context, tx store.Tx) error {
				_, err := tx.Exec(ctx, "UPDATE members SET role = 'editor' WHERE account_id = (SELECT id FROM accounts WHERE email = 'boss@operator.example')")
				return err
			})
		}, "its time was over"},
		{"with the session", func(t *testing.T, e *httpapitest.Env, session, _ string) {
			e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/logout", Token: session}).Want(t, 204)
		}, "logged out"},
	} {
		t.Run(c.how, func(t *testing.T) {
			e := httpapitest.New(t)
			e.Member(t, httpapitest.Operator, "boss@operator.example", api.RoleOwner)
			session := e.Session(t, "boss@operator.example")
			id := e.View(t, session, httpapitest.Own)
			look := httpapitest.Request{Method: "GET", Path: own.path(""), Token: session, Header: map[string]string{"Souk-View": id}}
			e.Do(t, look).Want(t, 200)
			if more, err := tenancy.EndViewsDue(t.Context(), e.Store, e.Clock.Now()); more || err != nil {
				t.Fatalf("it is due at once: %v", err)
			}
			c.do(t, e, session, id)
			if got := e.Do(t, look); got.Status != 403 && got.Status != 401 {
				t.Errorf("it goes on: %d", got.Status)
			}
			if c.how == "with the role" {
				e.Clock.Advance(tenancy.ViewLasts)
			}
			for more := true; more; {
				var err error
				if more, err = tenancy.EndViewsDue(t.Context(), e.Store, e.Clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
			log := viewed(t, e, httpapitest.Own)
			if len(log) != 2 || log[1].Action != "view.end" || c.because != "" && log[1].Details["because"] != c.because {
				t.Errorf("the log says %+v", log)
			}
		})
	}
}

// A view is good for the session that began it, for its organization, and with a
// reason.
func TestViewIsBound(t *testing.T) {
	e := httpapitest.New(t)
	owner, other := e.Token(t, httpapitest.Operator, "", api.RoleOwner), e.NewToken(t, httpapitest.Operator, "", api.RoleOwner, e.Clock.Now().Add(time.Hour), nil)
	id := e.View(t, owner, httpapitest.Own)
	for who, c := range map[string]struct{ token, view string }{
		"another session of the operator's": {other, id}, "the organization's own": {e.Token(t, httpapitest.Own, "", api.RoleOwner), id},
		"another organization's": {e.Token(t, httpapitest.Other, "", api.RoleOwner), id}, "a view that is none": {owner, uuid.NewString()}, "nonsense": {owner, "x' OR true --"},
	} {
		got := e.Do(t, httpapitest.Request{Method: "GET", Path: own.path(""), Token: c.token, Header: map[string]string{"Souk-View": c.view}})
		if got.Status != 403 || got.Problem(t).Code != "view-ended" {
			t.Errorf("%s: %d %s", who, got.Status, got.Body)
		}
	}
	for _, reason := range []string{"", "   x   ", strings.Repeat("x", 501)} {
		e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/operator/organizations/acme/view", Token: owner, Body: api.ViewStart{Reason: reason}}).Want(t, 422)
	}
	e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/operator/organizations/nowhere/view", Token: owner, Body: api.ViewStart{Reason: "a ticket"}}).Want(t, 404)
	var who api.Whoami
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: owner, Header: map[string]string{"Souk-View": id}}).Want(t, 200).Decode(t, &who)
	if who.View == nil || len(who.Organizations) != 1 || who.Organizations[0].Name != httpapitest.Own || who.Organizations[0].Operator {
		t.Errorf("who looks is %+v", who)
	}
}
