package supervisor

import (
	"context"
	"errors"
	"fmt"

	"souk/internal/shim/line"
)

// Client asks a supervisor that is another process.
type Client struct{ socket string }

// NewClient is for the supervisor that listens on the socket at path.
func NewClient(path string) *Client { return &Client{socket: path} }

var _ API = (*Client)(nil)

// Info implements API.
func (c *Client) Info(ctx context.Context) (Info, error) {
	resp, err := c.call(ctx, request{Op: opInfo})
	return resp.Info, err
}

// Prepare implements API.
func (c *Client) Prepare(ctx context.Context, id string) (Place, error) {
	resp, err := c.call(ctx, request{Op: opPrepare, ID: id})
	return resp.Place, err
}

// Find implements API.
func (c *Client) Find(ctx context.Context, id string) (Place, error) {
	resp, err := c.call(ctx, request{Op: opFind, ID: id})
	return resp.Place, err
}

// Spawn implements API.
func (c *Client) Spawn(ctx context.Context, id string, limits Limits) (string, error) {
	resp, err := c.call(ctx, request{Op: opSpawn, ID: id, Limits: limits})
	return resp.Problem, err
}

// SetLimits implements API.
func (c *Client) SetLimits(ctx context.Context, id string, limits Limits) (string, error) {
	resp, err := c.call(ctx, request{Op: opSetLimits, ID: id, Limits: limits})
	return resp.Problem, err
}

// Destroy implements API.
func (c *Client) Destroy(ctx context.Context, id string) error {
	_, err := c.call(ctx, request{Op: opDestroy, ID: id})
	return err
}

// Usage implements API.
func (c *Client) Usage(ctx context.Context, id string) (Usage, error) {
	resp, err := c.call(ctx, request{Op: opUsage, ID: id})
	return resp.Usage, err
}

// List implements API.
func (c *Client) List(ctx context.Context) ([]string, error) {
	resp, err := c.call(ctx, request{Op: opList})
	return resp.IDs, err
}

func (c *Client) call(ctx context.Context, req request) (response, error) {
	var resp response
	if err := line.Call(ctx, c.socket, req, &resp); err != nil {
		return response{}, fmt.Errorf("ask the supervisor: %w", err)
	}
	switch {
	case resp.NotFound:
		return resp, ErrNotFound
	case resp.Error != "":
		return resp, errors.New(resp.Error)
	}
	return resp, nil
}
