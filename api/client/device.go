package client

import (
	"context"
	"net/http"

	"souk/api"
)

// Codes of the refusals of DeviceToken.
const (
	CodeAuthorizationPending = "authorization-pending" // ask again after the interval
	CodeSlowDown             = "slow-down"             // the same, and 5 seconds less often from now on
	CodeAccessDenied         = "access-denied"
	CodeExpiredToken         = "expired-token"
)

// BeginDevice asks a person elsewhere to log this program in; client is what it
// calls itself.
func (c *Client) BeginDevice(ctx context.Context, client string) (api.DeviceCodes, error) {
	var out api.DeviceCodes
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"device"}, body: api.DeviceStart{Client: client}, out: &out})
	return out, err
}

// DeviceToken exchanges the device's code for a session, once, after it was
// approved. Before, it is refused with one of the codes above.
func (c *Client) DeviceToken(ctx context.Context, deviceCode string) (api.LoginResponse, error) {
	var out api.LoginResponse
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"device", "token"}, body: api.DeviceExchange{DeviceCode: deviceCode}, out: &out})
	return out, err
}

// LookUpDevice says which program shows the code. It needs a person's session, as
// the next two do.
func (c *Client) LookUpDevice(ctx context.Context, userCode string) (api.DeviceRequest, error) {
	var out api.DeviceRequest
	err := c.do(ctx, call{method: http.MethodPost, path: []string{"device", "lookup"}, body: api.DeviceDecision{UserCode: userCode}, out: &out})
	return out, err
}

// ApproveDevice logs the program that shows the code in as oneself.
func (c *Client) ApproveDevice(ctx context.Context, userCode string) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"device", "approve"}, body: api.DeviceDecision{UserCode: userCode}, changes: true})
}

// DenyDevice refuses the program that shows the code.
func (c *Client) DenyDevice(ctx context.Context, userCode string) error {
	return c.do(ctx, call{method: http.MethodPost, path: []string{"device", "deny"}, body: api.DeviceDecision{UserCode: userCode}, changes: true})
}
