package client

import (
	"context"

	"souk/api"
)

// CaughtMail lists the mail that souk dev caught in place of sending it, newest
// first; limit 0 means all of it.
func (c *Client) CaughtMail(ctx context.Context, limit int) ([]api.CaughtMail, error) {
	return list[api.CaughtMail](ctx, c, limit, nil, "dev", "mail")
}
