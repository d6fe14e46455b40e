package httpapi_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func found(e *httpapitest.Env, t *testing.T, session, name string) httpapitest.Response {
	t.Helper()
	return e.Do(t, with(post("/api/v1/account/organizations", api.SignUpOrganization{Name: name, DisplayName: "Ann's"}), session))
}

// A person without an organization makes one, and is its owner.
func TestFoundOrganization(t *testing.T) {
	e := httpapitest.New(t)
	e.Account(t, "ann@example.org")
	ann := e.Session(t, "ann@example.org")
	var o api.Organization
	found(e, t, ann, "anns").Want(t, 201).Decode(t, &o)
	if o.Metadata.Name != "anns" || o.DisplayName != "Ann's" || len(o.Kinds) != 1 || o.Kinds[0] != "customer" || o.Quota.Instances == 0 {
		t.Errorf("%+v", o)
	}
	at := place{"anns", "default"}
	e.Do(t, httpapitest.Request{Method: "GET", Path: at.inProject(""), Token: ann}).Want(t, 200)
	e.Do(t, httpapitest.Request{Method: "PUT", Path: at.path("/members"), Token: ann, Body: api.MemberPut{Email: "ann@example.org", Role: api.RoleOwner}}).Want(t, 200)
	held := newSignUp(freshEmail())
	signedUp(t, e, held)
	for _, name := range []string{"anns", httpapitest.Own, held.Organization.Name} {
		if p := found(e, t, ann, name).Want(t, 409).Problem(t); p.Code != "name-taken" || p.Errors[0].Location != "body.name" {
			t.Errorf("%+v", p)
		}
	}
	found(e, t, ann, "Not a name").Want(t, 422)
}

// Nobody takes names and quotas without end, not even by asking at once.
func TestNobodyFoundsWithoutEnd(t *testing.T) {
	e := httpapitest.New(t)
	e.Account(t, "ann@example.org")
	ann := e.Session(t, "ann@example.org")
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if found(e, t, ann, freshName()).Status == 201 {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 5 {
		t.Errorf("%d organizations", made.Load())
	}
	if got := code(t, found(e, t, ann, freshName()), 409); got != "too-many-organizations" {
		t.Error(got)
	}
}
