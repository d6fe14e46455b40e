package httpapi_test

import (
	"context"
	"testing"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/store"
)

var operatorCatalogRows = map[string]row{
	"operator-providers": {operator: readers, request: get("/api/v1/operator/providers")},
	"operator-providers-create": {operator: admins, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/operator/providers", someProvider(freshName()))
	}},
	"operator-zones-create": {operator: admins, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return post("/api/v1/operator/zones", newZone(freshName()))
	}},
	"operator-zones-patch": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		title := "Another title"
		return httpapitest.Request{Method: "PATCH", Path: "/api/v1/operator/zones/" + madeZone(t, e), Body: api.ZonePatch{Title: &title}}
	}},
	"operator-offerings-put": {operator: admins, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		return offering(madeZone(t, e), api.OfferingPut{Service: httpapitest.Service, ServiceLevel: "best-effort", PriceList: "list"})
	}},
	"operator-zone-revoke": {operator: editors, request: func(t *testing.T, e *httpapitest.Env, _ place) httpapitest.Request {
		zone := madeZone(t, e)
		desk{Env: e}.reports(t, zone, "a")
		return post("/api/v1/operator/zones/"+zone+"/revoke", api.ZoneRevoke{Reason: "its machine was stolen"})
	}},
	"operator-price-lists":     {operator: readers, request: get("/api/v1/operator/price-lists")},
	"operator-price-lists-get": {operator: readers, request: get("/api/v1/operator/price-lists/list")},
	"operator-price-lists-put": {operator: admins, request: func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
		return prices(freshName(), bestEffort("0.03"))
	}},
}

func someProvider(name string) api.ProviderCreate {
	return api.ProviderCreate{Name: name, Title: "A provider", Kind: "csp", Organization: httpapitest.Other}
}

func newZone(name string) api.ZoneCreate {
	return api.ZoneCreate{Name: name, Title: "A cluster", Provider: "souk", Driver: "kubernetes", FailureDomains: []string{"b", "a", "c"},
		Capacity: api.Capacity{CPUMillis: 16_000, MemoryMiB: 64 << 10, StorageGiB: 500, Instances: 100}}
}

// madeZone is a zone of a name of its own.
func madeZone(t *testing.T, e *httpapitest.Env) string {
	t.Helper()
	z := newZone(freshName())
	e.System(t, func(ctx context.Context, tx store.Tx) error {
		_, _, err := catalog.MakeZone(ctx, tx, z, e.Clock.Now())
		return err
	})
	return z.Name
}

func offering(zone string, o api.OfferingPut) httpapitest.Request {
	return httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/zones/" + zone + "/offerings", Body: o}
}

func prices(list string, entries ...api.ListPrice) httpapitest.Request {
	return httpapitest.Request{Method: "PUT", Path: "/api/v1/operator/price-lists/" + list, Body: api.PriceListPut{Currency: "CHF", Prices: entries}}
}

// bestEffort is the price of an hour, whatever the plan.
func bestEffort(amount string) api.ListPrice {
	return api.ListPrice{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: amount}
}
