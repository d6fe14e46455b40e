package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"souk/api"
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
		Method: http.MethodGet, Path: "/api/v1/account/sessions", ID: "account-sessions-list", Tag: "accounts", Action: authz.Session,
		Summary: "Where one is logged in, the latest log-in first",
	}, s.listSessions)
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

func (s *Server) listSessions(ctx context.Context, _ *struct{}) (*body[api.List[api.Session]], error) {
	var list []api.Session
	err := s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = tenancy.Sessions(ctx, tx, p.Principal, p.Now)
		return err
	})
	return paged(Whole{}.page(), list, func(s api.Session) string { return s.ID }), err
}

func (s *Server) endSession(ctx context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		return in.ID.String(), tenancy.EndSession(ctx, tx, p.Principal, in.ID, p.RequestID, p.Now)
	}, noReplay)
}
