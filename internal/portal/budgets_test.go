package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"souk/api"
	"souk/internal/httpapi/httpapitest"
)

func TestBudgets(t *testing.T) {
	s := newSite(t)
	billing := s.as("billing")
	billing.get(t, own+"/budgets").want(t, http.StatusOK).says(t, "No budgets yet", "Make the budget")
	if page := s.as("viewer").get(t, own+"/budgets").want(t, http.StatusOK); strings.Contains(page.main(), "<form") {
		t.Error("a viewer is offered to make one")
	}
	form := url.Values{"name": {"everything"}, "amount": {"5OO"}, "actual": {"50, 80"}, "forecast": {"100"}, "action": {"refuse"}}
	got := billing.post(t, own+"/budgets", form).want(t, http.StatusUnprocessableEntity).says(t, "Write an amount of money")
	if !strings.Contains(got.main(), `id="budget-amount-problem"`) || !strings.Contains(got.main(), `value="5OO"`) || !strings.Contains(got.main(), `value="50, 80"`) {
		t.Errorf("not beside the field, or what was typed is gone: %s", got.main())
	}
	form.Set("amount", "500")
	form.Set("actual", "half")
	got = billing.post(t, own+"/budgets", form).want(t, http.StatusUnprocessableEntity).says(t, "whole numbers")
	if !strings.Contains(got.main(), `id="budget-actual-problem"`) {
		t.Errorf("not beside the field: %s", got.main())
	}
	form.Set("actual", "50, 80")
	billing.post(t, own+"/budgets", form).leads(t, own+"/budgets?done=budget-kept")
	billing.get(t, own+"/budgets").says(t, "everything", "CHF 500.00", "Not looked at yet")
	billing.post(t, own+"/budgets", form).want(t, http.StatusUnprocessableEntity).says(t, "There is a budget of this name already")
	if page := billing.get(t, own+"/budgets/everything").want(t, http.StatusOK).says(t, "How it stands"); !strings.Contains(page.main(), `value="50, 80"`) {
		t.Errorf("not as it was made: %s", page.main())
	}
	var b api.Budget
	s.Do(t, httpapitest.Request{Method: "GET", Path: "/api/v1/organizations/" + httpapitest.Own + "/budgets/everything", Token: s.Token(t, httpapitest.Own, "", api.RoleOwner)}).Want(t, 200).Decode(t, &b)
	if b.Spec.Amount != "500.00" || b.Spec.Action != "refuse" || len(b.Spec.Thresholds.Actual) != 2 || len(b.Spec.Thresholds.Forecast) != 1 {
		t.Errorf("%+v", b.Spec)
	}
}
