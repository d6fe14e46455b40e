package client

import (
	"context"
	"net/url"
	"strconv"

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

// PriceOptions are what a price is asked for. Empty fields take their defaults:
// the first offering and plan, the least storage, the whole month.
type PriceOptions struct {
	Zone, ServiceLevel, Plan string
	StorageGiB, Hours        int64
}

// Price returns what an instance of the service would cost. It needs no token.
func (c *Client) Price(ctx context.Context, service string, opt PriceOptions) (api.Estimate, error) {
	query := url.Values{}
	set(query, "zone", opt.Zone)
	set(query, "serviceLevel", opt.ServiceLevel)
	set(query, "plan", opt.Plan)
	for name, n := range map[string]int64{"storageGiB": opt.StorageGiB, "hours": opt.Hours} {
		if n != 0 {
			query.Set(name, strconv.FormatInt(n, 10))
		}
	}
	var out api.Estimate
	err := c.get(ctx, query, &out, "services", service, "price")
	return out, err
}

// Zones lists where instances can run. It needs no token.
func (c *Client) Zones(ctx context.Context) ([]api.Zone, error) {
	return listWhole[api.Zone](ctx, c, "zones")
}
