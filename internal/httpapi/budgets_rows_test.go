package httpapi_test

import (
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

// payers look after the organization's money.
const payers = "owner admin billing"

var budgetRows = map[string]row{
	"budgets-list":   {may: everyRole, request: in("GET", "/budgets")},
	"budgets-get":    {may: everyRole, request: onBudget("GET", nil)},
	"budgets-create": {may: payers, request: onBudget("POST", nil)},
	"budgets-put":    {may: payers, request: onBudget("PUT", api.BudgetSpec{Amount: "20"})},
	"budgets-delete": {may: payers, request: onBudget("DELETE", nil)},
}

// onBudget is for a request about a budget of the place's organization.
func onBudget(method string, body any) func(*testing.T, *httpapitest.Env, place) httpapitest.Request {
	return func(t *testing.T, e *httpapitest.Env, at place) httpapitest.Request {
		owner := e.Token(t, at.organization, "", api.RoleOwner)
		var all api.List[api.Budget]
		e.Do(t, httpapitest.Request{Method: "GET", Path: at.path("/budgets"), Token: owner}).Want(t, 200).Decode(t, &all)
		for _, b := range all.Items { // not as many as there may be
			e.Do(t, httpapitest.Request{Method: "DELETE", Path: at.path("/budgets/" + b.Metadata.Name), Token: owner}).Want(t, 204)
		}
		name := freshName()
		if method == "POST" {
			return httpapitest.Request{Method: method, Path: at.path("/budgets"), Body: api.BudgetCreate{Name: name, BudgetSpec: api.BudgetSpec{Amount: "10"}}}
		}
		path := at.path("/budgets/" + name)
		e.Do(t, httpapitest.Request{Method: "POST", Path: at.path("/budgets"), Token: owner, Body: api.BudgetCreate{Name: name, BudgetSpec: api.BudgetSpec{Amount: "10"}}}).Want(t, 201)
		return httpapitest.Request{Method: method, Path: path, Body: body}
	}
}
