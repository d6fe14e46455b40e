package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"souk/api"
)

// Zones lists the zones with their agents.
func (o *Operator) Zones(ctx context.Context) ([]api.OperatorZone, error) {
	return listWhole[api.OperatorZone](ctx, o.client, "operator", "zones")
}

// Stuck lists the instances that have not been where they should be for too
// long; with an ID, that one if it is.
func (o *Operator) Stuck(ctx context.Context, id string) ([]api.Stuck, error) {
	query := url.Values{}
	set(query, "instance", id)
	var out api.List[api.Stuck]
	err := o.client.get(ctx, query, &out, "operator", "stuck")
	return out.Items, err
}

// OrganizationsPage returns one page of at most limit organizations whose name
// has the text, and that are of the kind, if there is one; an empty cursor means
// the first.
func (o *Operator) OrganizationsPage(ctx context.Context, text, kind string, limit int, cursor string) (api.List[api.OperatorOrganization], error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	set(query, "q", text)
	set(query, "kind", kind)
	set(query, "cursor", cursor)
	var out api.List[api.OperatorOrganization]
	err := o.client.get(ctx, query, &out, "operator", "organizations")
	return out, err
}

// Customer returns an organization with what the operator's staff see of it.
func (o *Operator) Customer(ctx context.Context, organization string) (api.Customer, error) {
	var out api.Customer
	err := o.client.get(ctx, nil, &out, "operator", "organizations", organization)
	return out, err
}

// StartView begins to look as the organization's people do; see WithView.
func (o *Operator) StartView(ctx context.Context, organization string, start api.ViewStart) (api.View, error) {
	var out api.View
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "organizations", organization, "view"}, body: start, out: &out, changes: true})
	return out, err
}

// EndView ends a view before its time.
func (o *Operator) EndView(ctx context.Context, id string) error {
	return o.client.do(ctx, call{method: http.MethodDelete, path: []string{"operator", "views", id}, changes: true})
}
