package httpapi_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

var tenancyRows = map[string]row{
	"version":       {everyone: true, request: get("/api/v1/version")},
	"signing-keys":  {everyone: true, request: get("/api/v1/signing-keys")},
	"dev-mail-list": {everyone: true, request: get("/api/v1/dev/mail")},
	"login": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		email := freshEmail()
		e.Member(t, httpapitest.Own, email, api.RoleViewer)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/login", Body: api.LoginRequest{Email: email, Password: httpapitest.Password}}
	}},
	"login-start": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		email := freshEmail()
		e.Member(t, httpapitest.Own, email, api.RoleViewer)
		return post("/api/v1/login/start", api.LoginStart{Email: email, Password: httpapitest.Password})
	}},
	"login-finish": {everyone: true, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		g := newGuarded(t, e)
		return post("/api/v1/login/finish", api.LoginFinish{Ticket: g.start(t).Ticket, Code: g.recovery[0]})
	}},
	"logout": {signedIn: true, silent: true, request: request("POST", "/api/v1/logout")},
	"whoami": {signedIn: true, request: get("/api/v1/whoami")},

	"organizations-list": {signedIn: true, request: get("/api/v1/organizations")},
	"organizations-create": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		email := freshEmail()
		e.Account(t, email)
		return httpapitest.Request{Method: "POST", Path: "/api/v1/organizations", Body: api.OrganizationCreate{Name: freshName(), Owner: email}}
	}},
	"organizations-get": {may: everyRole, operator: readers, anyProject: true, request: in("GET", "")},
	"organizations-update": {may: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "PUT", Path: at.path(""), Body: api.OrganizationUpdate{DisplayName: freshName(), TimeZone: "Europe/Zurich"}}
	}},
	"quota-get": {may: everyRole, operator: readers, request: in("GET", "/quota")},
	"quota-put": {operator: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/organizations/" + at.organization + "/quota", Body: api.Quota{Instances: 1e6, CPUMillis: 1e9, MemoryMiB: 1e9, StorageGiB: 1e9}}
	}},

	"projects-list": {may: readers, operator: readers, anyProject: true, request: in("GET", "/projects")},
	"projects-get":  {may: readers, operator: readers, request: in("GET", "/projects/{project}")},
	"projects-create": {may: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: at.path("/projects"), Body: api.ProjectCreate{Name: freshName()}}
	}},
	"projects-delete": {may: admins, project: httpapitest.EmptyProject, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		restore(t, e, at)
		t.Cleanup(func() { restore(t, e, at) })
		return httpapitest.Request{Method: "DELETE", Path: at.inProject("")}
	}},

	"members-list": {may: readers, request: in("GET", "/members")},
	"members-put": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		email := freshEmail()
		e.Account(t, email)
		return httpapitest.Request{Method: "PUT", Path: at.path("/members"), Body: api.MemberPut{Email: email, Role: api.RoleEditor}}
	}},
	"members-remove": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		id := e.Member(t, at.organization, freshEmail(), api.RoleAdmin)
		return httpapitest.Request{Method: "DELETE", Path: at.path("/members/" + id.String())}
	}},

	"tokens-list": {may: admins, request: in("GET", "/tokens")},
	"tokens-create": {may: admins, request: func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "POST", Path: at.path("/tokens"), Body: api.TokenCreate{Name: "ci", Role: api.RoleViewer}}
	}},
	"tokens-revoke": {may: admins, request: func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		return httpapitest.Request{Method: "DELETE", Path: at.path("/tokens/" + freshToken(t, e, at).String())}
	}},

	"audit-list": {may: admins, request: in("GET", "/audit")},
}

func freshName() string { return "n" + store.NewID().String()[24:] }

func freshEmail() string { return freshName() + "@example.org" }

// request is for a request that is the same everywhere.
func request(method, path string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return httpapitest.Request{Method: method, Path: path}
	}
}

func get(path string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return request("GET", path)
}

// in is for a request without a body in the organization.
func in(method, rest string) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(_ *testing.T, _ *httpapitest.Env, at place) httpapitest.Request {
		if rest == "/projects/{project}" {
			return httpapitest.Request{Method: method, Path: at.inProject("")}
		}
		return httpapitest.Request{Method: method, Path: at.path(rest)}
	}
}

// restore puts the place's project back where a test deleted it.
func restore(t *testing.T, e *httpapitest.Env, at place) {
	t.Helper()
	err := e.Store.System(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), `INSERT INTO projects (id, organization_id, name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING`,
			e.Projects[at.organization+"/"+at.project], e.Organizations[at.organization], at.project, e.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func freshToken(t *testing.T, e *httpapitest.Env, at place) uuid.UUID {
	t.Helper()
	id := store.NewID()
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tokens (id, organization_id, name, role, secret_hash, created_by, created_at, expires_at)
			VALUES ($1, $2, 'fresh', 'viewer', $3, 'test', $4, $4)`, id, e.Organizations[at.organization], id[:], e.Clock.Now())
		return err
	})
	return id
}
