package httpapi_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// person acts as a member through a session.
type person struct {
	e     *httpapitest.Env
	id    uuid.UUID // of the membership
	email string
	token string
}

func newPerson(t *testing.T, e *httpapitest.Env, role api.Role) person {
	t.Helper()
	email := freshEmail()
	id := e.Member(t, httpapitest.Own, email, role)
	return person{e, id, email, e.Login(t, email)}
}

func (p person) do(t *testing.T, method, rest string, body any) httpapitest.Response {
	t.Helper()
	return p.e.Do(t, httpapitest.Request{Method: method, Path: own.path(rest), Token: p.token, Body: body})
}

func TestOwners(t *testing.T) {
	e := httpapitest.New(t)
	owner, admin := newPerson(t, e, api.RoleOwner), newPerson(t, e, api.RoleAdmin)

	t.Run("the last owner stays", func(t *testing.T) {
		p := owner.do(t, "DELETE", "/members/"+owner.id.String(), nil).Want(t, 409).Problem(t)
		if p.Code != "last-owner" {
			t.Errorf("code %q", p.Code)
		}
		owner.do(t, "PUT", "/members", api.MemberPut{Email: owner.email, Role: api.RoleAdmin}).Want(t, 409)
	})
	t.Run("only owners make owners", func(t *testing.T) {
		admin.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleOwner}).Want(t, 403)
		owner.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleOwner}).Want(t, 200)
		owner.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleAdmin}).Want(t, 200)
	})
	t.Run("only owners unmake owners", func(t *testing.T) {
		second := newPerson(t, e, api.RoleOwner)
		admin.do(t, "DELETE", "/members/"+second.id.String(), nil).Want(t, 403)
		admin.do(t, "PUT", "/members", api.MemberPut{Email: second.email, Role: api.RoleViewer}).Want(t, 403)
		owner.do(t, "DELETE", "/members/"+second.id.String(), nil).Want(t, 204)
	})
	t.Run("an owner owns the whole organization", func(t *testing.T) {
		owner.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleOwner, Project: httpapitest.OwnProject}).Want(t, 422)
	})
	t.Run("two owners cannot remove each other", func(t *testing.T) {
		a, b := owner, newPerson(t, e, api.RoleOwner)
		road := block(t, e, "members")
		var wg sync.WaitGroup
		wg.Go(func() { a.do(t, "DELETE", "/members/"+b.id.String(), nil) })
		wg.Go(func() { b.do(t, "DELETE", "/members/"+a.id.String(), nil) })
		road.waiting(t, 2)
		road.lift(t)
		wg.Wait()
		if n := count(t, e, "SELECT count(*) FROM members WHERE role = 'owner' AND organization_id = $1", e.Organizations[httpapitest.Own]); n != 1 {
			t.Errorf("%d owners are left", n)
		}
	})
}

func TestMembers(t *testing.T) {
	e := httpapitest.New(t)
	admin := newPerson(t, e, api.RoleAdmin)

	t.Run("a person without an account", func(t *testing.T) {
		p := admin.do(t, "PUT", "/members", api.MemberPut{Email: "nobody@example.org", Role: api.RoleViewer}).Want(t, 422).Problem(t)
		if p.Errors[0].Location != "body.email" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("an unknown project", func(t *testing.T) {
		p := admin.do(t, "PUT", "/members", api.MemberPut{Email: admin.email, Role: api.RoleViewer, Project: httpapitest.OtherProject}).Want(t, 422).Problem(t)
		if p.Errors[0].Location != "body.project" {
			t.Errorf("%+v", p)
		}
	})
	t.Run("put twice is one membership", func(t *testing.T) {
		email := freshEmail()
		e.Account(t, email)
		var first, second api.Member
		admin.do(t, "PUT", "/members", api.MemberPut{Email: email, Role: api.RoleViewer}).Want(t, 200).Decode(t, &first)
		admin.do(t, "PUT", "/members", api.MemberPut{Email: email, Role: api.RoleEditor}).Want(t, 200).Decode(t, &second)
		if first.ID != second.ID || second.Role != api.RoleEditor {
			t.Errorf("%+v, then %+v", first, second)
		}
		var list api.List[api.Member]
		admin.do(t, "GET", "/members", nil).Want(t, 200).Decode(t, &list)
		if n := len(slices.DeleteFunc(list.Items, func(m api.Member) bool { return m.Email != email })); n != 1 {
			t.Errorf("listed %d times", n)
		}
	})
	t.Run("a removed member's session loses access at once", func(t *testing.T) {
		p := newPerson(t, e, api.RoleEditor)
		p.do(t, "GET", "/projects", nil).Want(t, 200)
		admin.do(t, "DELETE", "/members/"+p.id.String(), nil).Want(t, 204)
		p.do(t, "GET", "/projects", nil).Want(t, 404)
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: p.token}).Want(t, 200)
	})
	t.Run("a role in a project shows that project only", func(t *testing.T) {
		p := newPerson(t, e, api.RoleViewer)
		admin.do(t, "PUT", "/members", api.MemberPut{Email: p.email, Role: api.RoleAdmin, Project: httpapitest.OwnProject}).Want(t, 200)
		admin.do(t, "DELETE", "/members/"+p.id.String(), nil).Want(t, 204)
		var list api.List[api.Project]
		p.do(t, "GET", "/projects", nil).Want(t, 200).Decode(t, &list)
		if len(list.Items) != 1 || list.Items[0].Metadata.Name != httpapitest.OwnProject {
			t.Errorf("sees %+v", list.Items)
		}
		var who api.Whoami
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: p.token}).Want(t, 200).Decode(t, &who)
		if len(who.Organizations) != 1 || who.Organizations[0].Role != "" || !slices.Equal(who.Organizations[0].Projects, []string{httpapitest.OwnProject}) {
			t.Errorf("is told %+v", who.Organizations)
		}
	})
	t.Run("the larger of two roles counts", func(t *testing.T) {
		p := newPerson(t, e, api.RoleViewer)
		p.do(t, "DELETE", "/projects/"+httpapitest.SecondProject, nil).Want(t, 403)
		admin.do(t, "PUT", "/members", api.MemberPut{Email: p.email, Role: api.RoleAdmin, Project: httpapitest.SecondProject}).Want(t, 200)
		p.do(t, "DELETE", "/projects/"+httpapitest.OwnProject, nil).Want(t, 403)
		p.do(t, "DELETE", "/projects/"+httpapitest.SecondProject, nil).Want(t, 204)
	})
	t.Run("a disabled account", func(t *testing.T) {
		p := newPerson(t, e, api.RoleEditor)
		e.System(t, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE accounts SET disabled_at = $1 WHERE email = $2", e.Clock.Now(), p.email)
			return err
		})
		p.do(t, "GET", "/projects", nil).Want(t, 401)
	})
}

func TestTokens(t *testing.T) {
	e := httpapitest.New(t)
	admin := newPerson(t, e, api.RoleAdmin)
	create := func(t *testing.T, in api.TokenCreate) (out api.Token) {
		t.Helper()
		admin.do(t, "POST", "/tokens", in).Want(t, 201).Decode(t, &out)
		return out
	}
	whoami := func(t *testing.T, secret string, status int) {
		t.Helper()
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/whoami", Token: secret}).Want(t, status)
	}
	t.Run("allows no more than its maker", func(t *testing.T) {
		admin.do(t, "POST", "/tokens", api.TokenCreate{Name: "t", Role: api.RoleOwner}).Want(t, 403)
		create(t, api.TokenCreate{Name: "t", Role: api.RoleAdmin})
		create(t, api.TokenCreate{Name: "t", Role: api.RoleBilling})
	})
	t.Run("works until it expires", func(t *testing.T) {
		token := create(t, api.TokenCreate{Name: "t", Role: api.RoleViewer, ExpiresInDays: 1})
		whoami(t, token.Secret, 200)
		e.Clock.Set(token.ExpiresAt.Add(-time.Microsecond))
		whoami(t, token.Secret, 200)
		e.Clock.Set(token.ExpiresAt)
		whoami(t, token.Secret, 401)
		admin.token = e.Login(t, admin.email) // that session ended as well
	})
	t.Run("ends when it is revoked, and twice is no error", func(t *testing.T) {
		token := create(t, api.TokenCreate{Name: "t", Role: api.RoleViewer})
		admin.do(t, "DELETE", "/tokens/"+token.ID, nil).Want(t, 204)
		whoami(t, token.Secret, 401)
		admin.do(t, "DELETE", "/tokens/"+token.ID, nil).Want(t, 204)
	})
	t.Run("shows its secret once", func(t *testing.T) {
		token := create(t, api.TokenCreate{Name: "t", Role: api.RoleViewer})
		if len(token.Secret) != len("souk_")+43 {
			t.Errorf("secret of %d characters", len(token.Secret))
		}
		got := admin.do(t, "GET", "/tokens", nil).Want(t, 200)
		if !bytes.Contains(got.Body, []byte(token.ID)) || bytes.Contains(got.Body, []byte(token.Secret[5:15])) {
			t.Errorf("the listing shows it, or not the token: %s", got.Body)
		}
		if n := count(t, e, "SELECT count(*) FROM tokens t WHERE t::text LIKE '%' || $1 || '%'", token.Secret); n != 0 {
			t.Error("the record holds it")
		}
	})
	t.Run("its last use is written at most once a minute", func(t *testing.T) {
		token := create(t, api.TokenCreate{Name: "t", Role: api.RoleViewer})
		used := func() time.Time {
			var list api.List[api.Token]
			admin.do(t, "GET", "/tokens", nil).Want(t, 200).Decode(t, &list)
			i := slices.IndexFunc(list.Items, func(x api.Token) bool { return x.ID == token.ID })
			if list.Items[i].LastUsedAt == nil {
				return time.Time{}
			}
			return *list.Items[i].LastUsedAt
		}
		if !used().IsZero() {
			t.Error("used before it was")
		}
		whoami(t, token.Secret, 200)
		first := used()
		e.Clock.Advance(59 * time.Second)
		whoami(t, token.Secret, 200)
		if !used().Equal(first) {
			t.Error("written again within a minute")
		}
		e.Clock.Advance(time.Second)
		whoami(t, token.Secret, 200)
		if got := used(); !got.Equal(first.Add(time.Minute)) {
			t.Errorf("last used at %s, want a minute after %s", got, first)
		}
	})
	t.Run("is for its project only", func(t *testing.T) {
		token := create(t, api.TokenCreate{Name: "t", Role: api.RoleEditor, Project: httpapitest.OwnProject})
		for path, want := range map[string]int{own.inProject(""): 200, own.path("/projects/" + httpapitest.SecondProject): 404, own.path("/members"): 403} {
			e.Do(t, httpapitest.Request{Method: "GET", Path: path, Token: token.Secret}).Want(t, want)
		}
		admin.do(t, "POST", "/tokens", api.TokenCreate{Name: "t", Role: api.RoleViewer, Project: "nowhere"}).Want(t, 422)
	})
}

func TestOrganizations(t *testing.T) {
	e := httpapitest.New(t)
	e.Account(t, "first@example.org")
	staff := e.Token(t, httpapitest.Operator, "", api.RoleAdmin)
	create := func(in api.OrganizationCreate) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: "POST", Path: "/api/v1/organizations", Token: staff, Body: in})
	}
	create(api.OrganizationCreate{Name: "initech", Owner: "first@example.org", TimeZone: "America/New_York"}).Want(t, 201)
	for name, c := range map[string]struct {
		in     api.OrganizationCreate
		status int
	}{
		"a name taken":      {api.OrganizationCreate{Name: "initech", Owner: "first@example.org"}, 409},
		"no such time zone": {api.OrganizationCreate{Name: "a", Owner: "first@example.org", TimeZone: "Mars/Olympus"}, 422},
		"the machine's":     {api.OrganizationCreate{Name: "a", Owner: "first@example.org", TimeZone: "Local"}, 422},
		"no such owner":     {api.OrganizationCreate{Name: "a", Owner: "second@example.org"}, 422},
		"another operator":  {api.OrganizationCreate{Name: "a", Owner: "first@example.org", Kinds: []string{"operator"}}, 422},
	} {
		if got := create(c.in); got.Status != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, got.Status, c.status, got.Body)
		}
	}
	var list api.List[api.Project]
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/initech/projects", Token: e.Login(t, "first@example.org")}).Want(t, 200).Decode(t, &list)
	if len(list.Items) != 1 || list.Items[0].Metadata.Name != "default" {
		t.Errorf("starts with %+v", list.Items)
	}
	for who, c := range map[string]struct {
		token string
		want  []string
	}{
		"a customer": {e.Token(t, httpapitest.Own, "", api.RoleBilling), []string{httpapitest.Own}},
		"staff":      {staff, []string{httpapitest.Own, httpapitest.Other, "initech", httpapitest.Operator}},
	} {
		var list api.List[api.Organization]
		e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations", Token: c.token}).Want(t, 200).Decode(t, &list)
		var names []string
		for _, o := range list.Items {
			names = append(names, o.Metadata.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s sees %v, want %v", who, names, c.want)
		}
	}
}

// A project with instances stays, and what they take counts against the quota.
func TestProjectWithInstances(t *testing.T) {
	e := httpapitest.New(t)
	admin := newPerson(t, e, api.RoleAdmin)
	db := e.Order(t, own.organization, own.project, "db")
	quota := func(t *testing.T) (q api.QuotaUse) {
		admin.do(t, "GET", "/quota", nil).Want(t, 200).Decode(t, &q)
		return q
	}
	if got, want := quota(t).Used, (api.Quota{Instances: 1, CPUMillis: 250, MemoryMiB: 512, StorageGiB: 10}); got != want {
		t.Errorf("used %+v, want %+v", got, want)
	}
	refuses := func(code string) {
		t.Helper()
		if p := admin.do(t, "DELETE", "/projects/"+own.project, nil).Want(t, 409).Problem(t); p.Code != code {
			t.Errorf("code %q, want %q", p.Code, code)
		}
	}
	refuses("project-not-empty")
	deleted(t, e, db)
	refuses("project-not-empty") // it can still be brought back
	if got := quota(t).Used; got != (api.Quota{}) {
		t.Errorf("a deleted instance uses %+v", got)
	}
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE instances SET intent = 'purged', phase = 'Purged' WHERE id = $1", db.ID)
		return err
	})
	refuses("project-has-history")
}
