package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Invitations lists those that nobody has redeemed yet.
func (o *Organization) Invitations(ctx context.Context) ([]api.Invitation, error) {
	return listWhole[api.Invitation](ctx, o.client, o.path("invitations")...)
}

// Invite invites somebody by mail.
func (o *Organization) Invite(ctx context.Context, invitation api.InvitationCreate) (api.Invitation, error) {
	var out api.Invitation
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("invitations"), body: invitation, out: &out, changes: true})
	return out, err
}

// ResendInvitation mails an invitation again, with a new link.
func (o *Organization) ResendInvitation(ctx context.Context, id string) (api.Invitation, error) {
	var out api.Invitation
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("invitations", id, "resend"), out: &out, changes: true})
	return out, err
}

// RevokeInvitation takes an invitation back.
func (o *Organization) RevokeInvitation(ctx context.Context, id string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("invitations", id), changes: true})
}

// ShowInvitation says what the invitation with the token of a link is to.
func (c *Client) ShowInvitation(ctx context.Context, token string) (api.InvitationShown, error) {
	var out api.InvitationShown
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"invitations", "show"}, body: api.LinkToken{Token: token}, out: &out})
	return out, err
}

// RedeemInvitation joins as the person who is logged in, or as somebody new, who
// is then logged in: make another client with WithToken.
func (c *Client) RedeemInvitation(ctx context.Context, redeem api.InvitationRedeem) (api.InvitationRedeemed, error) {
	var out api.InvitationRedeemed
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"invitations", "redeem"}, body: redeem, out: &out})
	return out, err
}
