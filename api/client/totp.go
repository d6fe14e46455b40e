package client

import (
	"context"
	"net/http"

	"souk/api"
)

// CodeSecondFactorRequired is the refusal of a Login with the right password that
// lacks the code of the second factor.
const CodeSecondFactorRequired = "second-factor-required"

// TOTP says whether logging in takes a second factor. Like all about one's own
// account it needs a person's session.
func (c *Client) TOTP(ctx context.Context) (api.TOTPStatus, error) {
	var out api.TOTPStatus
	err := c.get(ctx, nil, &out, "account", "totp")
	return out, err
}

// BeginTOTP makes the secret of a second factor, which is not in force yet.
func (c *Client) BeginTOTP(ctx context.Context) (api.TOTPKey, error) {
	var out api.TOTPKey
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "totp"}, out: &out, changes: true})
	return out, err
}

// ConfirmTOTP puts it into force, and returns the recovery codes.
func (c *Client) ConfirmTOTP(ctx context.Context, code string) ([]string, error) {
	var out api.RecoveryCodes
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "totp", "confirm"}, body: api.TOTPConfirm{Code: code}, out: &out, changes: true})
	return out.RecoveryCodes, err
}

// RenewRecoveryCodes makes new recovery codes in place of those before.
func (c *Client) RenewRecoveryCodes(ctx context.Context, renew api.RecoveryCodesRenew) ([]string, error) {
	var out api.RecoveryCodes
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"account", "totp", "recovery-codes"}, body: renew, out: &out})
	return out.RecoveryCodes, err
}

// DisableTOTP takes the second factor away.
func (c *Client) DisableTOTP(ctx context.Context, disable api.TOTPDisable) error {
	return c.do(ctx, call{method: http.MethodDelete, path: []string{"account", "totp"}, body: disable})
}
