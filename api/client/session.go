package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Login exchanges an e-mail address and a password for a session token. The
// client itself goes on without one: make another with WithToken.
func (c *Client) Login(ctx context.Context, login api.LoginRequest) (api.LoginResponse, error) {
	var out api.LoginResponse
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"login"}, body: login, out: &out})
	return out, err
}

// StartLogin checks the password, for those who ask for the second factor's code
// afterwards: with FinishLogin.
func (c *Client) StartLogin(ctx context.Context, start api.LoginStart) (api.LoginStarted, error) {
	var out api.LoginStarted
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"login", "start"}, body: start, out: &out})
	return out, err
}

// CodeLoginExpired is the refusal of a FinishLogin whose ticket is good no more.
const CodeLoginExpired = "login-expired"

// FinishLogin exchanges a ticket of StartLogin and a code for a session token.
func (c *Client) FinishLogin(ctx context.Context, finish api.LoginFinish) (api.LoginResponse, error) {
	var out api.LoginResponse
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"login", "finish"}, body: finish, out: &out})
	return out, err
}

// Logout revokes the session. A session that has ended already is no error.
func (c *Client) Logout(ctx context.Context) error {
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"logout"}, changes: true})
	if IsStatus(err, http.StatusUnauthorized) {
		return nil
	}
	return err
}

// Whoami says who asks, and where they have a role.
func (c *Client) Whoami(ctx context.Context) (api.Whoami, error) {
	var out api.Whoami
	err := c.get(ctx, nil, &out, "whoami")
	return out, err
}

// Version returns the server's version.
func (c *Client) Version(ctx context.Context) (api.Version, error) {
	var out api.Version
	err := c.get(ctx, nil, &out, "version")
	return out, err
}
