package client

import (
	"context"
	"encoding/json"
	"net/http"

	"souk/api"
)

// Passkeys lists the person's.
func (c *Client) Passkeys(ctx context.Context) ([]api.Passkey, error) {
	return listWhole[api.Passkey](ctx, c, "account", "passkeys")
}

// BeginPasskey returns what to give to a browser, to add a passkey.
func (c *Client) BeginPasskey(ctx context.Context) (api.PasskeyOptions, error) {
	var out api.PasskeyOptions
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "passkeys", "begin"}, out: &out})
	return out, err
}

// AddPasskey adds the one that the browser answered with.
func (c *Client) AddPasskey(ctx context.Context, create api.PasskeyCreate) (api.Passkey, error) {
	var out api.Passkey
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "passkeys"}, body: create, out: &out})
	return out, err
}

// RemovePasskey takes one of the person's away.
func (c *Client) RemovePasskey(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: []string{"account", "passkeys", id}, changes: true})
}

// AskPasskey returns what to give to a browser, to finish a log-in by a passkey.
func (c *Client) AskPasskey(ctx context.Context, ticket string) (api.PasskeyOptions, error) {
	var out api.PasskeyOptions
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"login", "passkey"}, body: api.LoginTicket{Ticket: ticket}, out: &out})
	return out, err
}

// FinishLoginByPasskey exchanges a ticket of StartLogin, and the browser's answer,
// for a session token.
func (c *Client) FinishLoginByPasskey(ctx context.Context, ticket string, credential json.RawMessage) (api.LoginResponse, error) {
	var out api.LoginResponse
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"login", "passkey", "finish"}, body: api.LoginPasskey{Ticket: ticket, Credential: credential}, out: &out})
	return out, err
}
