package portal_test

import (
	"net/http"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// Prices that are to come are among the costs, with the instances that they hold for.
func TestComingPricesAmongTheCosts(t *testing.T) {
	s := newSite(t)
	customer := s.as("viewer")
	s.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	customer.get(t, own+"/costs").want(t, 200).lacks(t, "Other prices will hold")
	operator := s.Token(t, httpapitest.Operator, "", api.RoleOwner)
	publish := func(amount string) {
		s.Do(t, httpapitest.Request{Method: http.MethodPut, Path: "/api/v1/operator/price-lists/list", Token: operator, Body: api.PriceListPut{Currency: "CHF", Policy: "next-period", Prices: []api.ListPrice{
			{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "compute", Unit: "hour", Amount: amount},
			{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "storage", Unit: "GiB-month", Amount: "0.20"},
			{Service: httpapitest.Service, ServiceLevel: "best-effort", Item: "backup-storage", Unit: "GiB-month", Amount: "0.05"},
		}}}).Want(t, http.StatusOK)
	}
	publish("0.02") // as before
	customer.get(t, own+"/costs").want(t, 200).lacks(t, "Other prices will hold")
	publish("0.03")
	customer.get(t, own+"/costs").want(t, 200, "Other prices will hold", "1 instance:", `href="`+own+"/p/"+httpapitest.OwnProject+`/instances/`)
	customer.get(t, own+"/costs?service=postgresql").want(t, 200).lacks(t, "Other prices will hold")
	customer.get(t, own+"/costs?from=2020-01&to=2020-01").want(t, 200).lacks(t, "Other prices will hold")
}
