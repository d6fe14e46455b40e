package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"souk/internal/authz"
	"souk/internal/idempotency"
	"souk/internal/problem"
	"souk/internal/tenancy"
)

// admit returns the middleware that lets a request through to the operation's
// handler, or refuses it. It runs before anything of the body is looked at.
func (s *Server) admit(op Operation) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		c := callFrom(hc.Context())
		c.op = op
		c.controller = http.NewResponseController(w)
		if op.Stream {
			_ = c.controller.SetWriteDeadline(time.Time{})
		}
		if err := s.enter(hc.Context(), c, r); err != nil {
			s.refuse(w, r, err)
			return
		}
		if op.Serve != nil && op.Serve(w, r) {
			return
		}
		next(hc)
	}
}

// enter says who asks and whether they may.
func (s *Server) enter(ctx context.Context, c *call, r *http.Request) error {
	c.route = r.Method + " " + r.URL.EscapedPath()
	if c.op.Changes() {
		c.digest = digestOf(r)
		if !c.op.Unrepeatable {
			c.idempotencyKey = r.Header.Get("Idempotency-Key")
		}
		if len(c.idempotencyKey) > idempotency.MaxKey {
			return problem.InvalidField("header.Idempotency-Key", nil, "has more than %d characters", idempotency.MaxKey)
		}
	}
	if err := s.identify(ctx, c, r); err != nil {
		return err
	}
	return s.authorize(ctx, c, r)
}

// identify authenticates the request and keeps its asker from asking too often.
func (s *Server) identify(ctx context.Context, c *call, r *http.Request) error {
	if c.op.Action == authz.Public && !(c.op.Asker && r.Header.Get("Authorization") != "") {
		return s.slow(s.allowPublic(ctx, c, r))
	}
	secret, err := bearer(r)
	if err == nil {
		c.principal, err = tenancy.Authenticate(ctx, s.Store, secret, s.Clock.Now())
	}
	if p := problem.As(err); p != nil && p.Status == http.StatusUnauthorized {
		if ok, wait := s.perAddress.Allow(c.address); !ok {
			return s.slow(ok, wait)
		}
	}
	if err != nil {
		return err
	}
	if err := s.slow(s.perToken.Allow(c.principal.Credential.String())); err != nil {
		return err
	}
	return s.look(ctx, c, r)
}

// allowPublic counts what anybody may ask by address, but reading by somebody who
// is logged in by their session: many people can share an address.
func (s *Server) allowPublic(ctx context.Context, c *call, r *http.Request) (bool, time.Duration) {
	if secret, err := bearer(r); err == nil && !c.op.Changes() {
		if p, err := tenancy.Authenticate(ctx, s.Store, secret, s.Clock.Now()); err == nil {
			return s.perToken.Allow(p.Credential.String())
		}
	}
	return s.perAddress.Allow(c.address)
}

func (s *Server) slow(ok bool, wait time.Duration) error {
	if ok {
		return nil
	}
	return problem.TooMany(wait, "Too many requests in a short time. Wait and repeat.")
}

func bearer(r *http.Request) (string, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if secret = strings.TrimSpace(secret); !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return "", problem.Unauthenticated("This needs a token: log in, or send one as \"Authorization: Bearer TOKEN\".")
	}
	return secret, nil
}

// authorize checks the operation's action at the request's place. A place that
// the asker may not enter looks as if it were not there.
func (s *Server) authorize(ctx context.Context, c *call, r *http.Request) error {
	c.organizationName, c.projectName = r.PathValue("org"), r.PathValue("project")
	switch a := c.op.Action; {
	case a == authz.Session && !c.principal.Session:
		return &problem.Error{Status: http.StatusForbidden, Code: "session-needed", Detail: "This is about a person's own account, and a token has none. Log in, and use the session."}
	case a.Roleless():
		return nil
	case a.AcrossOrganizations():
		if !c.principal.CanOperate(a) {
			return outside(a)
		}
		return s.findOrganization(ctx, c)
	}
	if id, ok := c.principal.Organization(c.organizationName); ok {
		c.organization = id
		return s.authorizeInside(c)
	}
	if c.op.Operator != "" && c.principal.CanOperate(c.op.Operator) {
		c.asOperator = true
		return s.findOrganization(ctx, c)
	}
	return problem.NotFound("organization", c.organizationName)
}

// authorizeInside checks the action for somebody who may enter the organization.
func (s *Server) authorizeInside(c *call) error {
	a, p := c.op.Action, c.principal
	whole, projects := p.CanSomewhere(a, c.organization)
	if whole || (c.op.AnyProject && len(projects) > 0) {
		return nil
	}
	if p.Role(c.organization) != "" { // a role in the whole organization, but too small
		for _, g := range p.Grants { // perhaps a larger one in this project
			if c.projectName != "" && g.Organization == c.organization && g.ProjectName == c.projectName && p.Can(a, g.Organization, g.Project) {
				return nil
			}
		}
		return insufficient(a)
	}
	if c.projectName == "" {
		return insufficient(a)
	}
	for _, g := range p.Grants {
		if g.Organization == c.organization && g.ProjectName == c.projectName {
			if p.Can(a, g.Organization, g.Project) {
				return nil
			}
			return insufficient(a)
		}
	}
	return problem.NotFound("project", c.projectName)
}

// findOrganization resolves the path's organization for the operator's staff.
func (s *Server) findOrganization(ctx context.Context, c *call) error {
	if c.organizationName == "" {
		return nil
	}
	id, err := tenancy.OrganizationID(ctx, s.Store, c.organizationName)
	c.organization = id
	return err
}

func insufficient(a authz.Action) error {
	return problem.Forbidden("Your role here does not allow this (%s). It needs the role %s.", a, orList(authz.Roles(a)))
}

func outside(a authz.Action) error {
	return problem.Forbidden("This is for the operator's staff (%s). It needs the role %s in the operator's organization.", a, orList(authz.Roles(a)))
}

func orList[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}
