package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

// row is what the specification says of one operation: who may use it, and a
// request that then succeeds. Every operation has a row; each file of operations
// has its rows beside it and names them in allRows.
type row struct {
	may      string // roles that suffice, in the own organization
	operator string // roles of the operator's staff that suffice in any organization
	// anyProject: a role in any one project suffices, where the path names none.
	anyProject bool
	everyone   bool // public: anonymous too
	signedIn   bool // whoever has a valid token
	// request makes one that succeeds, once, for a place: it may make what it
	// needs first. In an organization other than Own the project is OtherProject.
	request func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request
	// staff, where set, makes the request that the operator's staff succeed with.
	staff func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request
	// self is in place of request where the operation is for people who are logged
	// in, about their own account: it makes one that succeeds for that person.
	self    func(t *testing.T, e *httpapitest.Env, email string) httpapitest.Request
	project string // that the request is for; "": own.project
	success int    // the status that those get who may; 0: any of success
	silent  bool   // a change that leaves nothing in the audit log
}

type place struct{ organization, project string }

func (p place) path(rest string) string { return "/api/v1/organizations/" + p.organization + rest }

func (p place) inProject(rest string) string {
	return p.path("/projects/" + p.project + rest)
}

// allRows are those of all files.
var allRows = []map[string]row{alertRows, bucketRows, availabilityRows, usageRows, conformanceRows, readinessRows, passkeyRows, tenancyRows, deviceRows, totpRows, ssoRows, accountRows, invitationRows, catalogRows, instanceRows, maintenanceRows, metricsRows, operatorRows, operatorCatalogRows, paymentRows, dunningRows, invoiceRows, agreementRows, explanationRows, budgetRows, reconciliationRows, writeOffRows, creditRows}

const (
	everyRole = "owner admin editor viewer billing"
	readers   = "owner admin editor viewer"
	editors   = "owner admin editor"
	admins    = "owner admin"
)

var (
	roles    = []api.Role{api.RoleOwner, api.RoleAdmin, api.RoleEditor, api.RoleViewer, api.RoleBilling}
	own      = place{httpapitest.Own, httpapitest.OwnProject}
	other    = place{httpapitest.Other, httpapitest.OtherProject}
	operator = place{httpapitest.Operator, "desk"}
)

func rowsByID() map[string]row {
	all := map[string]row{}
	for _, rows := range allRows {
		for id, r := range rows {
			all[id] = r
		}
	}
	return all
}

// The role × action × organization table: each operation, by each kind of asker.
func TestRoles(t *testing.T) {
	e := httpapitest.New(t, named)
	rows := rowsByID()
	for _, op := range e.Server.Operations() {
		r, ok := rows[op.ID]
		if !ok {
			t.Errorf("operation %s (%s %s) has no row in the role table", op.ID, op.Method, op.Path)
			continue
		}
		delete(rows, op.ID)
		t.Run(op.ID, func(t *testing.T) {
			c := cells{Env: e, op: op, r: r, own: own}
			if r.project != "" {
				c.own.project = r.project
			}
			c.looking(t)
			if r.self != nil {
				c.people(t)
				return
			}
			c.anonymous(t)
			c.members(t)
			c.projectMembers(t)
			c.staff(t)
			c.outsiders(t)
		})
	}
	for id := range rows {
		t.Errorf("the role table has a row for %s, which is no operation", id)
	}
}

// cells are the requests of one row.
type cells struct {
	*httpapitest.Env
	op  httpapi.Operation
	r   row
	own place
}

func has(roles string, r api.Role) bool { return slices.Contains(strings.Fields(roles), string(r)) }

func (c cells) anonymous(t *testing.T) {
	q := c.r.request(t, c.Env, c.own)
	if c.r.everyone {
		c.succeeds(t, "anonymous", q, "")
		return
	}
	c.nobody(t, q)
}

// nobody: whoever does not show who asks.
func (c cells) nobody(t *testing.T, q httpapitest.Request) {
	yesterday := c.Clock.Now().AddDate(0, 0, -1)
	for who, token := range map[string]string{
		"anonymous":         "",
		"with nonsense":     "nonsense",
		"with another's":    "souk_" + strings.Repeat("A", 43),
		"with expired":      c.NewToken(t, httpapitest.Own, "", api.RoleOwner, yesterday, nil),
		"with revoked":      c.NewToken(t, httpapitest.Own, "", api.RoleOwner, c.Clock.Now().Add(time.Hour), &yesterday),
		"with staff's past": c.NewToken(t, httpapitest.Operator, "", api.RoleOwner, yesterday, nil),
	} {
		got := c.refused(t, who, q, token, http.StatusUnauthorized)
		if got.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate header", who)
		}
	}
}

// people: whoever is logged in, whatever their role; never a token.
func (c cells) people(t *testing.T) {
	c.nobody(t, c.r.self(t, c.Env, c.person(t, httpapitest.Own, api.RoleOwner)))
	for _, organization := range []string{httpapitest.Own, httpapitest.Operator} {
		for _, role := range roles {
			email := c.person(t, organization, role)
			who := organization + "'s " + string(role)
			c.refused(t, who+", by a token", c.r.self(t, c.Env, email), c.Token(t, organization, "", role), http.StatusForbidden)
			c.succeeds(t, who, c.r.self(t, c.Env, email), c.Session(t, email))
		}
	}
	email := freshEmail()
	c.Account(t, email)
	if got := c.Do(t, with(c.r.self(t, c.Env, email), c.Session(t, email))); got.Status > 299 {
		t.Errorf("a person without any organization: status %d: %s", got.Status, got.Body)
	}
}

func (c cells) person(t *testing.T, organization string, role api.Role) (email string) {
	t.Helper()
	email = freshEmail()
	c.Member(t, organization, email, role)
	return email
}

// members: whoever has a role in the whole organization.
func (c cells) members(t *testing.T) {
	for _, role := range roles {
		token, who := c.Token(t, httpapitest.Own, "", role), "the organization's "+string(role)
		if c.r.everyone || c.r.signedIn || has(c.r.may, role) {
			c.succeeds(t, who, c.r.request(t, c.Env, c.own), token)
			continue
		}
		p := c.refused(t, who, c.r.request(t, c.Env, c.own), token, http.StatusForbidden).Problem(t)
		for _, enough := range strings.Fields(c.r.may) {
			if !strings.Contains(p.Detail, enough) {
				t.Errorf("%s is refused without being told that the role %s would do: %s", who, enough, p.Detail)
			}
		}
	}
}

// projectMembers: whoever has a role in one project only.
func (c cells) projectMembers(t *testing.T) {
	inProject := strings.Contains(c.op.Path, "{project}")
	for _, role := range roles[1:] {
		for _, project := range []string{c.own.project, httpapitest.SecondProject} {
			at := c.own
			if !inProject {
				at.project = project
			}
			q := c.r.request(t, c.Env, at)
			token, who := c.NewToken(t, httpapitest.Own, project, role, c.Clock.Now().Add(time.Hour), nil), fmt.Sprintf("the project %s's %s", project, role)
			switch {
			case c.r.everyone, c.r.signedIn:
				c.succeeds(t, who, q, token)
			case inProject && project != c.own.project:
				c.refused(t, who, q, token, http.StatusNotFound)
			case has(c.r.may, role) && (inProject || c.r.anyProject):
				c.succeeds(t, who, q, token)
			default:
				c.refused(t, who, q, token, http.StatusForbidden)
			}
		}
	}
}

// staff: whoever has a role in the operator's organization, asking about a
// customer's.
func (c cells) staff(t *testing.T) {
	for _, role := range roles {
		token, who := c.Token(t, httpapitest.Operator, "", role), "the operator's "+string(role)
		make := c.r.request
		if c.r.staff != nil {
			make = c.r.staff
		}
		switch q := make(t, c.Env, c.own); {
		case c.r.everyone, c.r.signedIn, has(c.r.operator, role):
			c.succeeds(t, who, q, token)
		case c.op.Action.AcrossOrganizations():
			c.refused(t, who, q, token, http.StatusForbidden)
		default:
			c.refused(t, who, q, token, http.StatusNotFound)
		}
		// A role in one of the operator's projects is no role of its staff.
		if role != api.RoleOwner && c.r.operator != "" {
			token := c.Token(t, httpapitest.Operator, operator.project, role)
			got := c.Do(t, with(c.r.request(t, c.Env, c.own), token))
			if got.Status != http.StatusForbidden && got.Status != http.StatusNotFound {
				t.Errorf("%s, in a project only: status %d", who, got.Status)
			}
		}
	}
}

// outsiders: whoever has a role in another organization. To them nothing of
// this one is there, neither under its name nor under their own.
func (c cells) outsiders(t *testing.T) {
	if !strings.Contains(c.op.Path, "{org}") || c.op.Action.AcrossOrganizations() {
		return
	}
	for _, role := range roles {
		token, who := c.Token(t, httpapitest.Other, "", role), "another organization's "+string(role)
		q := c.r.request(t, c.Env, c.own)
		seen := c.refused(t, who, q, token, http.StatusNotFound).Problem(t)
		q.Path = strings.Replace(q.Path, "/"+httpapitest.Own, "/nowhere", 1)
		missing := c.refused(t, who, q, token, http.StatusNotFound).Problem(t)
		if strings.ReplaceAll(missing.Detail, "nowhere", httpapitest.Own) != seen.Detail {
			t.Errorf("%s can tell an organization that is there (%q) from one that is not (%q)", who, seen.Detail, missing.Detail)
		}
	}
	if strings.Count(c.op.Path, "{") < 2 {
		return
	}
	q := c.r.request(t, c.Env, c.own)
	q.Path = strings.Replace(q.Path, "/"+httpapitest.Own, "/"+httpapitest.Other, 1)
	c.refused(t, "another organization's owner, with this one's names and IDs", q, c.Token(t, httpapitest.Other, "", api.RoleOwner), http.StatusNotFound)
}

// looking: the operator's owner, who looks as the organization's people do. It
// reads there, and nowhere else; it changes nothing and reveals nothing.
func (c cells) looking(t *testing.T) {
	if c.op.Action == authz.Public {
		return // nobody is asked who they are
	}
	token := c.Token(t, httpapitest.Operator, "", api.RoleOwner)
	view := c.View(t, token, httpapitest.Own)
	in := func(q httpapitest.Request) httpapitest.Request {
		q.Header = maps.Clone(q.Header)
		if q.Header == nil {
			q.Header = map[string]string{}
		}
		q.Header["Souk-View"] = view
		return q
	}
	make := c.r.request
	if c.r.self != nil {
		email := c.person(t, httpapitest.Own, api.RoleOwner)
		make = func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request { return c.r.self(t, e, email) }
	}
	q := in(make(t, c.Env, c.own))
	switch a := c.op.Action; {
	case !c.op.Changes() && (a == authz.SignedIn || authz.Allows(authz.RoleLooking, a)):
		c.succeeds(t, "the operator, looking", q, token)
	default:
		c.refused(t, "the operator, looking", q, token, http.StatusForbidden)
	}
	// What the operator's staff may do without looking, they may not do so either.
	if c.r.staff != nil {
		c.refused(t, "the operator, looking, as its staff", in(c.r.staff(t, c.Env, c.own)), token, http.StatusForbidden)
	}
	if strings.Contains(c.op.Path, "{org}") && !c.op.Action.AcrossOrganizations() && !c.op.Changes() {
		q.Path = strings.Replace(q.Path, "/"+httpapitest.Own, "/"+httpapitest.Other, 1)
		c.refused(t, "the operator, looking at another organization", q, token, http.StatusNotFound)
	}
}

func with(q httpapitest.Request, token string) httpapitest.Request {
	q.Token = token
	return q
}

func (c cells) succeeds(t *testing.T, who string, q httpapitest.Request, token string) {
	t.Helper()
	before := c.audited(t)
	got := c.Do(t, with(q, token))
	if c.r.success != 0 && got.Status == c.r.success {
		return
	}
	if got.Status < 200 || got.Status > 299 {
		t.Errorf("%s: status %d, want success: %s", who, got.Status, got.Body)
		return
	}
	if grown := c.audited(t) - before; (grown > 0) != (c.op.Changes() && !c.r.silent) {
		t.Errorf("%s: the audit log grew by %d", who, grown)
	}
}

func (c cells) refused(t *testing.T, who string, q httpapitest.Request, token string, want int) httpapitest.Response {
	t.Helper()
	before := c.audited(t)
	got := c.Do(t, with(q, token))
	if got.Status != want {
		t.Errorf("%s: status %d, want %d: %s", who, got.Status, want, got.Body)
	}
	if c.audited(t) != before {
		t.Errorf("%s was refused, but the audit log grew", who)
	}
	return got
}

func (c cells) audited(t *testing.T) (n int) {
	t.Helper()
	c.System(t, func(ctx context.Context, tx store.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM audit_events").Scan(&n)
	})
	return n
}

// publicChanges are the operations that change something without a token.
var publicChanges = []string{
	"login", "login-start", "login-finish", "login-passkey", "login-passkey-finish",
	"device-begin", "device-token",
	"sso-start", "sso-finish",
	"signup", "verify-email", "verify-email-resend", "password-reset", "password-reset-complete", "invitations-show", "invitations-redeem",
}

// Nothing is public by mistake: what is, only reads, or is on the list.
func TestOperationsDeclareActions(t *testing.T) {
	for _, op := range httpapi.New(httpapi.Config{}).Operations() {
		if !op.Action.Known() {
			t.Errorf("operation %s: unknown action %q", op.ID, op.Action)
		}
		if op.Action == authz.Public && op.Changes() && !slices.Contains(publicChanges, op.ID) {
			t.Errorf("operation %s changes something and is public", op.ID)
		}
	}
}
