package client

import (
	"context"
	"net/http"

	"souk/api"
)

// SSO returns how the organization's people sign in by its own identity provider.
func (o *Organization) SSO(ctx context.Context) (api.SSO, error) {
	var out api.SSO
	err := o.client.get(ctx, nil, &out, o.path("sso")...)
	return out, err
}

// PutSSO connects the organization to a provider.
func (o *Organization) PutSSO(ctx context.Context, sso api.SSOPut) (api.SSO, error) {
	var out api.SSO
	err := o.client.do(ctx, call{method: http.MethodPut, path: o.path("sso"), body: sso, out: &out, changes: true})
	return out, err
}

// DeleteSSO ends single sign-on.
func (o *Organization) DeleteSSO(ctx context.Context) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("sso"), changes: true})
}

// TestSSO asks the provider what it is.
func (o *Organization) TestSSO(ctx context.Context) (api.SSOTest, error) {
	var out api.SSOTest
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("sso", "test"), out: &out})
	return out, err
}

// ClaimDomain begins to bind a domain of e-mail addresses.
func (o *Organization) ClaimDomain(ctx context.Context, domain string) (api.SSODomain, error) {
	var out api.SSODomain
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("sso", "domains"), body: api.SSODomainClaim{Domain: domain}, out: &out, changes: true})
	return out, err
}

// ProveDomain binds a domain, once its DNS proves that the organization holds it.
func (o *Organization) ProveDomain(ctx context.Context, domain string, proof api.SSODomainProof) (api.SSODomain, error) {
	var out api.SSODomain
	err := o.client.do(ctx, call{method: http.MethodPost, path: o.path("sso", "domains", domain, "prove"), body: proof, out: &out, changes: true})
	return out, err
}

// RemoveDomain gives a domain up.
func (o *Organization) RemoveDomain(ctx context.Context, domain string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: o.path("sso", "domains", domain), changes: true})
}

// StartSSO begins to sign somebody in by single sign-on.
func (c *Client) StartSSO(ctx context.Context, start api.SSOStart) (api.SSOFlow, error) {
	var out api.SSOFlow
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"sso", "start"}, body: start, out: &out})
	return out, err
}

// FinishSSO exchanges what the provider sent the person back with for a session
// token.
func (c *Client) FinishSSO(ctx context.Context, finish api.SSOFinish) (api.SSOLogin, error) {
	var out api.SSOLogin
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"sso", "finish"}, body: finish, out: &out})
	return out, err
}

// AccountSSO says by which single sign-on the session began.
func (c *Client) AccountSSO(ctx context.Context) (api.AccountSSO, error) {
	var out api.AccountSSO
	err := c.get(ctx, nil, &out, "account", "sso")
	return out, err
}
