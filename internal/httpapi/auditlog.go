package httpapi

import (
	"context"
	"net/http"
	"time"

	"souk/api"
	"souk/internal/audit"
	"souk/internal/authz"
	"souk/internal/problem"
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
	Actor  string `query:"actor" maxLength:"254" doc:"Whole, such as an e-mail address"`
	Object string `query:"object" maxLength:"254" doc:"The whole name or ID of what was changed"`
	From   string `query:"from" maxLength:"40" doc:"RFC 3339; entries from this moment on"`
	To     string `query:"to" maxLength:"40" doc:"RFC 3339; entries before this moment"`
}) (*body[api.List[api.AuditRecord]], error) {
	var list []api.AuditRecord
	before, err := in.afterID()
	if err != nil {
		return nil, err
	}
	f := audit.Filter{Action: in.Action, Kind: in.Kind, Text: in.Text, Actor: in.Actor, Object: in.Object, Before: before, Limit: in.Limit + 1}
	if f.From, err = moment("query.from", in.From); err != nil {
		return nil, err
	}
	if f.To, err = moment("query.to", in.To); err != nil {
		return nil, err
	}
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		list, err = audit.List(ctx, tx, p.Organization, f)
		return err
	})
	return paged(in.Page, list, func(r api.AuditRecord) string { return r.ID }), err
}

// moment reads a time of a filter; none is the zero time.
func moment(location, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, problem.InvalidField(location, text, "must be a time as in RFC 3339, such as 2026-11-01T00:00:00Z")
	}
	return t, nil
}
