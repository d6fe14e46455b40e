package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/idempotency"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// Place is where a request goes, resolved inside its transaction, and who asks.
type Place struct {
	Organization, Project         uuid.UUID // uuid.Nil where the path names none
	OrganizationName, ProjectName string
	Principal                     authz.Principal
	Actor                         string // for the audit log and timelines
	RequestID                     string
	Now                           time.Time // of Souk's clock; one instant for the whole transaction
	// AsOperator is set when the operator's staff act in an organization of others.
	AsOperator bool

	action authz.Action
}

// Projects returns the projects that the asker has to keep to; nil means all.
func (p Place) Projects() []uuid.UUID {
	if p.AsOperator || p.action.AcrossOrganizations() {
		return nil
	}
	whole, projects := p.Principal.CanSomewhere(p.action, p.Organization)
	if whole {
		return nil
	}
	return projects
}

// Require refuses when the asker may not do a at the place as well, where that
// depends on what is in the body.
func (p Place) Require(a authz.Action) error {
	if a.AcrossOrganizations() {
		if !p.Principal.CanOperate(a) {
			return outside(a)
		}
		return nil
	}
	if !p.Principal.Can(a, p.Organization, p.Project) {
		return insufficient(a)
	}
	return nil
}

// Audit writes an entry about something at the place; see audit.Event. What the
// place knows is filled in. What the operator's staff do to no organization in
// particular is in the log of their own.
func (p Place) Audit(ctx context.Context, tx store.Tx, e audit.Event) error {
	e.Organization, e.At, e.Actor, e.RequestID = p.Organization, p.Now, p.Actor, p.RequestID
	for _, g := range p.Principal.Grants {
		if e.Organization == uuid.Nil && g.Operator {
			e.Organization = g.Organization
		}
	}
	if e.Project == uuid.Nil {
		e.Project = p.Project
	}
	return audit.Write(ctx, tx, e)
}

// Read runs f in a transaction that can only read, and that sees what the asker
// of this request may see. f runs again from its start when the database asks
// for it.
func (s *Server) Read(ctx context.Context, f func(tx store.Tx, p Place) error) error {
	return s.transact(ctx, true, s.resolved(ctx, f))
}

// errRollBack ends the transaction of a preview.
var errRollBack = errors.New("roll back")

// Preview runs f as Change would, and takes everything back: for ?dryRun=true.
func (s *Server) Preview(ctx context.Context, f func(tx store.Tx, p Place) error) error {
	err := s.transact(ctx, false, s.resolved(ctx, func(tx store.Tx, p Place) error {
		if err := f(tx, p); err != nil {
			return err
		}
		return errRollBack
	}))
	if errors.Is(err, errRollBack) {
		return nil
	}
	return err
}

// Change runs f in the transaction of a changing request. f returns a reference
// to the resource that it changed, which is remembered for repeats with the same
// Idempotency-Key; for such a repeat replay runs in place of f, to read the
// resource's present state. f and replay run again from their start when the
// database asks for it. f writes the audit log.
func (s *Server) Change(ctx context.Context, f func(tx store.Tx, p Place) (reference string, err error), replay func(tx store.Tx, p Place, reference string) error) error {
	c := callFrom(ctx)
	return s.transact(ctx, false, func(tx store.Tx, p Place) error {
		r := idempotency.Request{Principal: p.Principal.ID, Route: c.route, Key: c.idempotencyKey, Body: c.digest.Sum(nil), At: p.Now}
		reference, repeat, err := idempotency.Begin(ctx, tx, r)
		if err != nil {
			return err
		}
		err = s.resolve(ctx, tx, &p)
		if repeat && (err == nil || problem.As(err) != nil) { // the project may have gone since
			return replay(tx, p, reference)
		}
		if err != nil {
			return err
		}
		if reference, err = f(tx, p); err != nil {
			return err
		}
		return idempotency.Finish(ctx, tx, r, c.op.Status, reference)
	})
}

// transact opens the transaction that the operation's action calls for.
func (s *Server) transact(ctx context.Context, readOnly bool, f func(tx store.Tx, p Place) error) error {
	c := callFrom(ctx)
	if c.op.Action == "" || (c.op.Action == authz.Public && !readOnly) {
		return errors.New("a transaction of nobody was asked for")
	}
	inside := func(tx store.Tx) error {
		p, err := s.place(ctx, tx, c, readOnly)
		if err != nil {
			return err
		}
		return f(tx, p)
	}
	switch {
	case c.op.Action.AcrossOrganizations() && readOnly:
		return s.Store.Tenant(ctx, store.Scope{Reader: "operator", Snapshot: true}, inside)
	case c.op.System || c.op.Action.AcrossOrganizations() || c.op.Action == authz.Session || (c.op.Action == authz.SignedIn && !readOnly):
		return s.Store.System(ctx, inside)
	case c.op.Action == authz.Public:
		return s.Store.Tenant(ctx, store.Scope{}, inside)
	case c.op.Action == authz.SignedIn:
		return s.Store.Tenant(ctx, ownScope(c.principal), inside)
	}
	return s.Store.Tenant(ctx, store.Scope{Organizations: []uuid.UUID{c.organization}}, inside)
}

// ownScope is all that the principal can enter.
func ownScope(p authz.Principal) store.Scope {
	var scope store.Scope
	for _, g := range p.Grants {
		scope.Organizations = append(scope.Organizations, g.Organization)
	}
	if p.CanOperate(authz.OperatorInventory) {
		scope.Reader = "operator"
	}
	return scope
}

func (s *Server) place(ctx context.Context, tx store.Tx, c *call, readOnly bool) (Place, error) {
	p := Place{
		Organization: c.organization, OrganizationName: c.organizationName, ProjectName: c.projectName,
		Principal: c.principal, Actor: c.principal.Name, RequestID: c.requestID, Now: s.Clock.Now(),
		AsOperator: c.asOperator, action: c.op.Action,
	}
	if readOnly {
		if _, err := tx.Exec(ctx, "SET TRANSACTION READ ONLY"); err != nil {
			return p, err
		}
	}
	return p, nil
}

// resolved runs f at the place once its project is known.
func (s *Server) resolved(ctx context.Context, f func(tx store.Tx, p Place) error) func(tx store.Tx, p Place) error {
	return func(tx store.Tx, p Place) error {
		if err := s.resolve(ctx, tx, &p); err != nil {
			return err
		}
		return f(tx, p)
	}
}

func (s *Server) resolve(ctx context.Context, tx store.Tx, p *Place) (err error) {
	if p.ProjectName != "" {
		p.Project, err = tenancy.ProjectID(ctx, tx, p.Organization, p.ProjectName)
	}
	return err
}

// details turns a document into the details of an audit entry.
func details(v any) map[string]any {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var m map[string]any
	_ = json.Unmarshal(raw, &m)
	return m
}

// noReplay is for operations whose repeat has nothing to answer with.
func noReplay(store.Tx, Place, string) error { return nil }
