package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"souk/api"
)

// pageSize is how much of a listing is asked for at once.
const pageSize = 200

func (c *Client) get(ctx context.Context, query url.Values, out any, path ...string) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, out: out})
}

// list reads a listing page by page; limit 0 means all of it.
func list[T any](ctx context.Context, c *Client, limit int, query url.Values, path ...string) ([]T, error) {
	items := []T{}
	page := url.Values{}
	for key, values := range query {
		page[key] = values
	}
	for {
		page.Set("limit", strconv.Itoa(pageSize))
		if limit > 0 {
			page.Set("limit", strconv.Itoa(min(limit-len(items), pageSize)))
		}
		var got api.List[T]
		if err := c.get(ctx, page, &got, path...); err != nil {
			return nil, err
		}
		items = append(items, got.Items...)
		if got.Next == "" || (limit > 0 && len(items) >= limit) {
			return items, nil
		}
		page.Set("cursor", got.Next)
	}
}

// listWhole reads a listing that the server gives whole unless it grew long.
func listWhole[T any](ctx context.Context, c *Client, path ...string) ([]T, error) {
	items := []T{}
	page := url.Values{}
	for {
		var got api.List[T]
		if err := c.get(ctx, page, &got, path...); err != nil {
			return nil, err
		}
		items = append(items, got.Items...)
		if got.Next == "" {
			return items, nil
		}
		page.Set("cursor", got.Next)
	}
}
