package client

import (
	"context"
	"net/http"
	"net/url"

	"souk/api"
)

// Providers lists the organizations that offer something.
func (o *Operator) Providers(ctx context.Context) ([]api.Provider, error) {
	return listWhole[api.Provider](ctx, o.client, "operator", "providers")
}

// CreateProvider lets an organization offer something. The same again changes
// nothing.
func (o *Operator) CreateProvider(ctx context.Context, provider api.ProviderCreate) (api.Provider, error) {
	var out api.Provider
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "providers"}, body: provider, out: &out, changes: true})
	return out, err
}

// CreateZone declares a zone. The same again changes nothing.
func (o *Operator) CreateZone(ctx context.Context, zone api.ZoneCreate) (api.Zone, error) {
	var out api.Zone
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "zones"}, body: zone, out: &out, changes: true})
	return out, err
}

// PatchZone changes what a zone declares of itself.
func (o *Operator) PatchZone(ctx context.Context, zone string, patch api.ZonePatch) (api.Zone, error) {
	var out api.Zone
	err := o.client.do(ctx, call{method: http.MethodPatch, path: []string{"operator", "zones", zone}, body: patch, out: &out, changes: true})
	return out, err
}

// RevokeZone cuts a zone's agent off. The same again changes nothing.
func (o *Operator) RevokeZone(ctx context.Context, zone string, revoke api.ZoneRevoke) (api.Zone, error) {
	var out api.Zone
	err := o.client.do(ctx, call{method: http.MethodPost, path: []string{"operator", "zones", zone, "revoke"}, body: revoke, out: &out, changes: true})
	return out, err
}

// PutOffering offers a service in a zone at a service level, or withdraws it.
func (o *Operator) PutOffering(ctx context.Context, zone string, offering api.OfferingPut) (api.Offering, error) {
	var out api.Offering
	err := o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "zones", zone, "offerings"}, body: offering, out: &out, changes: true})
	return out, err
}

// PriceLists lists price lists in their newest revision.
func (o *Operator) PriceLists(ctx context.Context) ([]api.PriceList, error) {
	return listWhole[api.PriceList](ctx, o.client, "operator", "price-lists")
}

// PriceList returns a price list in its newest revision.
func (o *Operator) PriceList(ctx context.Context, name string) (api.PriceList, error) {
	var out api.PriceList
	err := o.client.get(ctx, nil, &out, "operator", "price-lists", name)
	return out, err
}

// PublishPrices publishes prices as the newest revision of a list.
func (o *Operator) PublishPrices(ctx context.Context, name string, prices api.PriceListPut) (api.PriceListPublished, error) {
	return o.putPrices(ctx, name, prices, nil)
}

// PreviewPrices says what PublishPrices would change.
func (o *Operator) PreviewPrices(ctx context.Context, name string, prices api.PriceListPut) (api.PriceListPublished, error) {
	return o.putPrices(ctx, name, prices, dryRun)
}

func (o *Operator) putPrices(ctx context.Context, name string, prices api.PriceListPut, query url.Values) (api.PriceListPublished, error) {
	var out api.PriceListPublished
	err := o.client.do(ctx, call{method: http.MethodPut, path: []string{"operator", "price-lists", name}, query: query, body: prices, out: &out, changes: query == nil})
	return out, err
}
