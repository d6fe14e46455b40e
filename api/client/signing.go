package client

import (
	"context"

	"souk/api"
)

// SigningKeys returns the public keys by which signatures of evidence are checked.
func (c *Client) SigningKeys(ctx context.Context) (api.SigningKeys, error) {
	var out api.SigningKeys
	err := c.get(ctx, nil, &out, "signing-keys")
	return out, err
}
