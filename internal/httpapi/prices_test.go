package httpapi_test

import (
	"strconv"
	"testing"
	"time"

	"souk/api"
	"souk/internal/driver"
	"souk/internal/httpapi/httpapitest"
)

func estimate(t *testing.T, e *httpapitest.Env, query string) (out api.Estimate) {
	t.Helper()
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service + "/price" + query}).Want(t, 200).Decode(t, &out)
	return out
}

// The price that anybody is shown is the one that an order shows, and the one
// that is billed.
func TestPriceShownIsPriceBilled(t *testing.T) {
	e := httpapitest.New(t)
	token := e.Token(t, httpapitest.Own, "", api.RoleOwner)
	for _, storage := range []int64{10, 33, 500} {
		shown := estimate(t, e, "?plan=small&storageGiB="+strconv.FormatInt(storage, 10))
		order := api.InstancePut{Spec: api.InstanceSpec{Service: httpapitest.Service, Plan: "small", StorageGiB: storage}}
		var preview api.Preview
		e.Do(t, httpapitest.Request{Method: "PUT", Path: own.inProject("/instances/" + freshName() + "?dryRun=true"), Token: token, Body: order}).Want(t, 200).Decode(t, &preview)
		if after := preview.Cost.After; shown.Price.Month != after.Month || shown.Price.Hour != after.Hour || shown.Total != after.Month || shown.PriceList != preview.PriceList {
			t.Errorf("%d GiB: shown %+v, ordered %+v", storage, shown, after)
		}
	}
	i := e.Order(t, httpapitest.Own, httpapitest.OwnProject, "billed")
	e.Report(t, i, driver.StateRunning)
	e.Clock.Advance(100 * time.Hour)
	var cost api.Cost
	e.Do(t, httpapitest.Request{Method: "GET", Path: own.inProject("/instances/billed/cost"), Token: token}).Want(t, 200).Decode(t, &cost)
	if shown := estimate(t, e, "?hours=100"); shown.Total != cost.Total {
		t.Errorf("shown %v, billed %v", shown.Total, cost.Total)
	}
}

func TestPriceOfWhatThereIsNot(t *testing.T) {
	e := httpapitest.New(t)
	e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/nothing/price"}).Want(t, 404)
	for query, field := range map[string]string{
		"plan=huge": "query.plan", "zone=mars": "query.zone", "serviceLevel=guaranteed": "query.zone", "storageGiB=1": "query.storageGiB", "storageGiB=-5": "query.storageGiB",
		"storageGiB=9223372036854775807": "query.storageGiB", "hours=-1": "query.hours", "hours=745": "query.hours", "hours=9223372036854775807": "query.hours",
	} {
		p := e.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/services/" + httpapitest.Service + "/price?" + query}).Want(t, 422).Problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Location != field {
			t.Errorf("%s: %+v", query, p)
		}
	}
}
