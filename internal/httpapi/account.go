package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
	"souk/internal/tenancy"
)

func (s *Server) registerAccount() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/account", ID: "account-get", Tag: "accounts", Action: authz.Session,
		Summary: "One's own account",
	}, s.getAccount)
	register(s, Operation{
		Method: http.MethodPatch, Path: "/api/v1/account", ID: "account-update", Tag: "accounts", Action: authz.Session,
		Summary: "Change one's name, language or time zone",
	}, s.updateAccount)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/account/organizations", ID: "account-organizations-create", Tag: "accounts", Action: authz.Session, Status: http.StatusCreated,
		Summary: "Make an organization of which one is the owner", Description: "With a first project. A person can own 5 organizations that way.",
	}, s.foundOrganization)
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/account/sessions", ID: "account-sessions-list", Tag: "accounts", Action: authz.Session,
		Summary: "Where one is logged in, the latest log-in first",
	}, s.listSessions)
	register(s, Operation{
		Method: http.MethodDelete, Path: "/api/v1/account/sessions", ID: "account-sessions-end-others", Tag: "accounts", Action: authz.Session,
		Summary: "End all of one's sessions but this one, at once",
	}, s.endOtherSessions)
	register(s, Operation{
		Method: http.MethodDelete, Path: "/api/v1/account/sessions/{id}", ID: "account-sessions-end", Tag: "accounts", Action: authz.Session,
		Summary: "End one of one's sessions at once",
	}, s.endSession)
}

func (s *Server) getAccount(ctx context.Context, _ *struct{}) (*body[api.Account], error) {
	var out body[api.Account]
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		out.Body, err = tenancy.Account(ctx, tx, p.Principal.Account)
		return err
	})
	return &out, err
}

func (s *Server) updateAccount(ctx context.Context, in *struct{ Body api.AccountPatch }) (*body[api.Account], error) {
	var out body[api.Account]
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		out.Body, err = tenancy.UpdateAccount(ctx, tx, p.Principal, in.Body, p.RequestID, p.Now)
		return out.Body.ID, err
	}, func(tx store.Tx, p Place, _ string) (err error) {
		out.Body, err = tenancy.Account(ctx, tx, p.Principal.Account)
		return err
	})
	return &out, err
}

func (s *Server) foundOrganization(ctx context.Context, in *struct{ Body api.SignUpOrganization }) (*body[api.Organization], error) {
	var out body[api.Organization]
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if p.Principal.SSO != "" {
			return "", tenancy.OnlyThere(p.Principal.SSO)
		}
		if out.Body, err = s.accounts.FoundOrganization(ctx, tx, p.Principal, in.Body, p.Now); err != nil {
			return "", err
		}
		p.Organization = uuid.MustParse(out.Body.Metadata.ID)
		return out.Body.Metadata.ID, p.Audit(ctx, tx, audit.Event{
			Action: "organization.create", Kind: "organization", ObjectID: out.Body.Metadata.ID, ObjectName: in.Body.Name, Details: map[string]any{"owner": p.Actor},
		})
	}, func(tx store.Tx, _ Place, id string) (err error) {
		out.Body, err = tenancy.Organization(ctx, tx, uuid.MustParse(id))
		return err
	})
	return &out, err
}

func (s *Server) listSessions(ctx context.Context, _ *struct{}) (*body[api.List[api.Session]], error) {
	var list []api.Session
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = tenancy.Sessions(ctx, tx, p.Principal, p.Now)
		return err
	})
	return paged(Whole{}.page(), list, func(s api.Session) string { return s.ID }), err
}

func (s *Server) endOtherSessions(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		_, err := tenancy.EndOtherSessions(ctx, tx, p.Principal, p.RequestID, p.Now)
		return "", err
	}, noReplay)
}

func (s *Server) endSession(ctx context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		return in.ID.String(), tenancy.EndSession(ctx, tx, p.Principal, in.ID, p.RequestID, p.Now)
	}, noReplay)
}
