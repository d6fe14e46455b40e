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

func (s *Server) registerTokens() {
	const all, one = "/api/v1/organizations/{org}/tokens", "/api/v1/organizations/{org}/tokens/{id}"
	register(s, Operation{
		Method: http.MethodGet, Path: all, ID: "tokens-list", Tag: "tokens", Action: authz.TokenRead,
		Summary: "API tokens of the organization, without their secrets",
	}, listByID(s, tenancy.Tokens, func(t api.Token) string { return t.ID }))
	register(s, Operation{
		Method: http.MethodPost, Path: all, ID: "tokens-create", Tag: "tokens", Action: authz.TokenWrite, Status: http.StatusCreated,
		Summary:     "Make an API token",
		Description: "The secret is in this answer only; a repeat with the same Idempotency-Key does not show it again.",
	}, s.createToken)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "tokens-revoke", Tag: "tokens", Action: authz.TokenWrite,
		Summary: "End a token at once",
	}, s.revokeToken)
}

func (s *Server) createToken(ctx context.Context, in *struct {
	InOrganization
	Body api.TokenCreate
}) (*body[api.Token], error) {
	var out body[api.Token]
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = tenancy.CreateToken(ctx, tx, p.Organization, in.Body, p.Principal, p.Now); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, audit.Event{
			Action: "token.create", Kind: "token", ObjectID: out.Body.ID, ObjectName: out.Body.Name,
			Details: map[string]any{"role": out.Body.Role, "project": out.Body.Project, "expiresAt": out.Body.ExpiresAt},
		})
	}, func(tx store.Tx, p Place, id string) (err error) {
		out.Body, err = tenancy.Token(ctx, tx, p.Organization, uuid.MustParse(id))
		return err
	})
	return &out, err
}

func (s *Server) revokeToken(ctx context.Context, in *byID) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		t, changed, err := tenancy.RevokeToken(ctx, tx, p.Organization, in.ID, p.Now)
		if err != nil || !changed {
			return t.ID, err
		}
		return t.ID, p.Audit(ctx, tx, audit.Event{Action: "token.revoke", Kind: "token", ObjectID: t.ID, ObjectName: t.Name})
	}, noReplay)
}
