package client

import (
	"context"

	"souk/api"
)

// Services lists what can be ordered. It needs no token.
func (c *Client) Services(ctx context.Context) ([]api.Service, error) {
	return listWhole[api.Service](ctx, c, "services")
}

// Service returns one service with its plans, prices and parameters. It needs
// no token.
func (c *Client) Service(ctx context.Context, name string) (api.Service, error) {
	var out api.Service
	err := c.get(ctx, nil, &out, "services", name)
	return out, err
}

// Zones lists where instances can run. It needs no token.
func (c *Client) Zones(ctx context.Context) ([]api.Zone, error) {
	return listWhole[api.Zone](ctx, c, "zones")
}
