package httpapi

import (
	"context"
	"net/http"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/store"
)

func (s *Server) registerAudit() {
	register(s, Operation{
		Method: http.MethodGet, Path: "/api/v1/organizations/{org}/audit", ID: "audit-list", Tag: "audit", Action: authz.AuditRead,
		Summary: "Every change and every reveal of a credential, newest first",
	}, s.listAudit)
}

func (s *Server) listAudit(ctx context.Context, in *struct {
	InOrganization
	Page
	Action string `query:"action" maxLength:"100" doc:"Such as member.add"`
	Kind   string `query:"kind" maxLength:"100" doc:"Such as member"`
	Text   string `query:"q" maxLength:"200" doc:"Occurs in the actor, the action or the object's name"`
}) (*body[api.List[api.AuditRecord]], error) {
	var list []api.AuditRecord
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = audit.List(ctx, tx, p.Organization, audit.Filter{Action: in.Action, Kind: in.Kind, Text: in.Text, Before: before, Limit: in.Limit + 1})
		return err
	})
	return paged(in.Page, list, func(r api.AuditRecord) string { return r.ID }), err
}
