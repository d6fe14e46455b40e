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

func (s *Server) registerInvitations() {
	const all, one = "/api/v1/organizations/{org}/invitations", "/api/v1/organizations/{org}/invitations/{id}"
	register(s, Operation{
		Method: http.MethodGet, Path: all, ID: "invitations-list", Tag: "members", Action: authz.MemberWrite,
		Summary: "Invitations that nobody has redeemed yet",
	}, listByID(s, tenancy.Invitations, func(i api.Invitation) string { return i.ID }))
	register(s, Operation{
		Method: http.MethodPost, Path: all, ID: "invitations-create", Tag: "members", Action: authz.MemberWrite, Status: http.StatusCreated,
		Summary:     "Invite somebody by mail",
		Description: "The link works once, within 7 days, for that address only. It takes the place of an earlier invitation of the same person to the same place. Only owners invite owners.",
	}, s.invite)
	register(s, Operation{
		Method: http.MethodPost, Path: one + "/resend", ID: "invitations-resend", Tag: "members", Action: authz.MemberWrite,
		Summary: "Mail an invitation again, with a new link", Description: "The link before is of no use then; the new one works for 7 days.",
	}, s.resendInvitation)
	register(s, Operation{
		Method: http.MethodDelete, Path: one, ID: "invitations-revoke", Tag: "members", Action: authz.MemberWrite,
		Summary: "Take an invitation back",
	}, s.revokeInvitation)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/invitations/show", ID: "invitations-show", Tag: "accounts", Action: authz.Public,
		Summary: "What the invitation with the token of a link is to",
	}, s.showInvitation)
	register(s, Operation{
		Method: http.MethodPost, Path: "/api/v1/invitations/redeem", ID: "invitations-redeem", Tag: "accounts", Action: authz.Public, Asker: true,
		Summary:     "Redeem the invitation with the token of a link",
		Description: "Whoever is logged in with the invited address joins. Without a session an account is made, and logged in; if the address has one, one has to log in with it first.",
	}, s.redeemInvitation)
}

func (s *Server) invite(ctx context.Context, in *struct {
	InOrganization
	Body api.InvitationCreate
}) (*body[api.Invitation], error) {
	return s.mailInvitation(ctx, "invitation.create", func(tx store.Tx, p Place) (api.Invitation, error) {
		return s.accounts.Invite(ctx, tx, inviter(p), in.Body, p.Now)
	})
}

func (s *Server) resendInvitation(ctx context.Context, in *byID) (*body[api.Invitation], error) {
	return s.mailInvitation(ctx, "invitation.resend", func(tx store.Tx, p Place) (api.Invitation, error) {
		return s.accounts.ResendInvitation(ctx, tx, inviter(p), in.ID, p.Now)
	})
}

// mailInvitation answers with the invitation that send has mailed, and notes what
// was done.
func (s *Server) mailInvitation(ctx context.Context, action string, send func(store.Tx, Place) (api.Invitation, error)) (*body[api.Invitation], error) {
	var out body[api.Invitation]
	err := s.Change(ctx, func(tx store.Tx, p Place) (_ string, err error) {
		if out.Body, err = send(tx, p); err != nil {
			return "", err
		}
		return out.Body.ID, p.Audit(ctx, tx, audit.Event{
			Action: action, Kind: "invitation", ObjectID: out.Body.ID, ObjectName: out.Body.Email,
			Details: map[string]any{"role": out.Body.Role, "project": out.Body.Project},
		})
	}, func(tx store.Tx, p Place, id string) (err error) {
		out.Body, err = tenancy.Invitation(ctx, tx, p.Organization, uuid.MustParse(id))
		return err
	})
	return &out, err
}

func inviter(p Place) tenancy.Inviter {
	return tenancy.Inviter{Organization: p.Organization, OrganizationName: p.OrganizationName, Principal: p.Principal, Require: p.Require}
}

func (s *Server) revokeInvitation(ctx context.Context, in *byID) (*struct{}, error) {
	return nil, s.Change(ctx, func(tx store.Tx, p Place) (string, error) {
		i, changed, err := tenancy.RevokeInvitation(ctx, tx, p.Organization, in.ID, p.Require, p.Now)
		if err != nil || !changed {
			return i.ID, err
		}
		return i.ID, p.Audit(ctx, tx, audit.Event{
			Action: "invitation.revoke", Kind: "invitation", ObjectID: i.ID, ObjectName: i.Email, Details: map[string]any{"role": i.Role, "project": i.Project},
		})
	}, noReplay)
}

func (s *Server) showInvitation(ctx context.Context, in *struct{ Body api.LinkToken }) (*body[api.InvitationShown], error) {
	shown, err := s.accounts.ShowInvitation(ctx, in.Body.Token, s.Clock.Now())
	return &body[api.InvitationShown]{shown}, err
}

func (s *Server) redeemInvitation(ctx context.Context, in *struct{ Body api.InvitationRedeem }) (*body[api.InvitationRedeemed], error) {
	now := s.Clock.Now()
	got, err := s.accounts.Redeem(ctx, PrincipalFrom(ctx), in.Body, caller(ctx), now)
	if err != nil {
		return nil, err
	}
	out := &body[api.InvitationRedeemed]{got.Invitation}
	if got.Session.Secret == "" {
		return out, nil
	}
	session, err := s.loggedIn(ctx, got.Session, now)
	if err != nil {
		return nil, err
	}
	out.Body.Session = &session.Body
	return out, nil
}
