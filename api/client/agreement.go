package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Agreements lists the organization's agreements, the newest first.
func (o *Organization) Agreements(ctx context.Context) ([]api.Agreement, error) {
	return listWhole[api.Agreement](ctx, o.client, o.path("agreements")...)
}

// Agreements lists the agreements with all organizations, or with one, the newest
// first.
func (o *Operator) Agreements(ctx context.Context, organization string) ([]api.Agreement, error) {
	query := url.Values{}
	set(query, "organization", organization)
	return list[api.Agreement](ctx, o.client, 0, query, "operator", "agreements")
}

// AgreementsPage is a page of them; cursor is next of the page before, or "".
func (o *Operator) AgreementsPage(ctx context.Context, organization string, limit int, cursor string) (api.List[api.Agreement], error) {
	query := url.Values{}
	set(query, "organization", organization)
	var out api.List[api.Agreement]
	err := o.client.get(ctx, pageQuery(query, limit, cursor), &out, "operator", "agreements")
	return out, err
}

// CreateAgreement records an agreement with an organization.
func (o *Operator) CreateAgreement(ctx context.Context, in api.AgreementCreate) (api.Agreement, error) {
	var out api.Agreement
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "agreements"}, body: in, out: &out, changes: true})
	return out, err
}

// EndAgreement ends an agreement early.
func (o *Operator) EndAgreement(ctx context.Context, id string, in api.AgreementEnd) (api.Agreement, error) {
	var out api.Agreement
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "agreements", id, "end"}, body: in, out: &out, changes: true})
	return out, err
}
