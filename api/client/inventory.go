package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"souk/api"
)

// InventoryOptions choose instances of all organizations. Empty fields choose all.
type InventoryOptions struct {
	ListOptions
	Organization string
	Project      string
	ServiceLevel string
	Provider     string    // of the zone
	From, To     time.Time // ordered in [From, To); zero: no bound
}

func (o InventoryOptions) query() url.Values {
	query := o.ListOptions.query()
	set(query, "organization", o.Organization)
	set(query, "project", o.Project)
	set(query, "serviceLevel", o.ServiceLevel)
	set(query, "provider", o.Provider)
	setTime(query, "from", o.From)
	setTime(query, "to", o.To)
	return query
}

// InventoryPage returns one page of at most limit (1 to 200) instances of all
// organizations; an empty cursor means the first, and Next of a page leads on.
func (o *Operator) InventoryPage(ctx context.Context, opt InventoryOptions, limit int, cursor string) (api.List[api.Instance], error) {
	query := opt.query()
	query.Set("limit", strconv.Itoa(limit))
	set(query, "cursor", cursor)
	var out api.List[api.Instance]
	err := o.client.get(ctx, query, &out, "operator", "instances")
	return out, err
}

// InventoryCSV streams the inventory as a table (RFC 4180). The caller closes
// the reader; one that ends with an error has not read all of it.
func (o *Operator) InventoryCSV(ctx context.Context, opt InventoryOptions) (io.ReadCloser, error) {
	header := http.Header{"Accept": {"text/csv, application/problem+json"}}
	resp, err := o.client.open(ctx, []string{"operator", "instances.csv"}, opt.query(), header)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// Instance returns an instance of any organization by its ID.
func (o *Operator) Instance(ctx context.Context, id string) (api.Instance, error) {
	var out api.Instance
	err := o.client.get(ctx, nil, &out, "operator", "instances", id)
	return out, err
}

// InstanceEvents returns the newest entries, at most limit (1 to 200), of the
// timeline of an instance of any organization.
func (o *Operator) InstanceEvents(ctx context.Context, id string, limit int) ([]api.Event, error) {
	return list[api.Event](ctx, o.client, limit, nil, "operator", "instances", id, "events")
}
