package client

import (
	"context"
	"net/http"

	"souk/api"
)

// SignUp asks for an account and an organization. What comes of it is in a mail.
func (c *Client) SignUp(ctx context.Context, signup api.SignUp) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"signup"}, body: signup})
}

// VerifyEmail finishes a sign-up by the token of its link, and logs in. The
// client itself goes on without the session: make another with WithToken.
func (c *Client) VerifyEmail(ctx context.Context, token string) (api.LoginResponse, error) {
	var out api.LoginResponse
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"verify-email"}, body: api.LinkToken{Token: token}, out: &out})
	return out, err
}

// ResendVerification has the link of a sign-up sent again.
func (c *Client) ResendVerification(ctx context.Context, email string) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"verify-email", "resend"}, body: api.EmailAddress{Email: email}})
}

// ForgotPassword has a link sent to choose a new password by.
func (c *Client) ForgotPassword(ctx context.Context, email string) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"password-reset"}, body: api.EmailAddress{Email: email}})
}

// ResetPassword sets a new password by the token of the link. All sessions of the
// account end.
func (c *Client) ResetPassword(ctx context.Context, reset api.PasswordReset) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"password-reset", "complete"}, body: reset})
}

// Account returns the account of the person who is logged in.
func (c *Client) Account(ctx context.Context) (api.Account, error) {
	var out api.Account
	err := c.get(ctx, nil, &out, "account")
	return out, err
}

// UpdateAccount changes what the patch names.
func (c *Client) UpdateAccount(ctx context.Context, patch api.AccountPatch) (api.Account, error) {
	var out api.Account
	err := c.do(ctx, call{method: http.MethodPatch, path: []string{"account"}, body: patch, out: &out, changes: true})
	return out, err
}

// FoundOrganization makes an organization that the person owns.
func (c *Client) FoundOrganization(ctx context.Context, organization api.SignUpOrganization) (api.Organization, error) {
	var out api.Organization
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "organizations"}, body: organization, out: &out, changes: true})
	return out, err
}

// ChangePassword sets another password. All other sessions of the account end.
func (c *Client) ChangePassword(ctx context.Context, change api.PasswordChange) error {
	return c.do(ctx, call{method: http.MethodPut, path: []string{"account", "password"}, body: change})
}

// Sessions lists where the person is logged in.
func (c *Client) Sessions(ctx context.Context) ([]api.Session, error) {
	return listWhole[api.Session](ctx, c, "account", "sessions")
}

// EndOtherSessions ends all of the person's sessions but this one.
func (c *Client) EndOtherSessions(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: []string{"account", "sessions"}, changes: true})
}

// EndSession ends one of the person's sessions.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: []string{"account", "sessions", id}, changes: true})
}
