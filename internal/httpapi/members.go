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

// byID is an object of an organization that is addressed by its ID.
type byID struct {
	InOrganization
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) registerMembers() {
	const all, one = "/api/v1/organizations/{org}/members", "/api/v1/organizations/{org}/members/{id}"
	register(s, Operation{
		Method: http.MethodGet, Path: all, ID: "members-list", Tag: "members", Action: authz.MemberRead,
		Summary: "People in the organization and its projects",
	}, listByID(s, tenancy.Members, func(m api.Member) string { return m.ID }))
	register(s, Operation{
		Method: http.MethodPut, Path: all, ID: "members-put", Tag: "members", Action: authz.MemberWrite,
		Summary: "Add a person, or change the person's role", Description: "Only owners make owners, and only owners unmake them.",
	}, s.putMember)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "members-remove", Tag: "members", Action: authz.MemberWrite,
		Summary: "End a membership", Description: "The person's sessions lose the organization at once. The last owner stays.",
	}, s.removeMember)
}

func (s *Server) putMember(ctx context.Context, in *struct {
	InOrganization
	Body api.MemberPut
}) (*body[api.Member], error) {
	var out body[api.Member]
	err := s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		change, err := tenancy.PutMember(ctx, tx, p.Organization, in.Body, p.Require, p.Now)
		if err != nil {
			return "", err
		}
		out.Body = change.Member
		if change.Before == change.Member.Role {
			return out.Body.ID, nil
		}
		action := "member.update"
		if change.Before == "" {
			action = "member.add"
		}
		return out.Body.ID, p.Audit(ctx, tx, audit.Event{
			Action: action, Kind: "member", ObjectID: out.Body.ID, ObjectName: out.Body.Email,
			Details: map[string]any{"before": change.Before, "role": out.Body.Role, "project": out.Body.Project},
		})
	}, func(tx store.Tx, p Place, id string) (err error) {
		out.Body, err = tenancy.Member(ctx, tx, p.Organization, uuid.MustParse(id))
		return err
	})
	return &out, err
}

func (s *Server) removeMember(ctx context.Context, in *byID) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		m, err := tenancy.RemoveMember(ctx, tx, p.Organization, in.ID, p.Require, p.Now)
		if err != nil {
			return "", err
		}
		return m.ID, p.Audit(ctx, tx, audit.Event{
			Action: "member.remove", Kind: "member", ObjectID: m.ID, ObjectName: m.Email, Details: map[string]any{"role": m.Role, "project": m.Project},
		})
	}, noReplay)
}
