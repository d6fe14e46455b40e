package portal

import (
	"net/http"
	"strconv"
	"strings"

	"souk/api"
)

func (p *Portal) budgetRoutes() []Route {
	return []Route{
		{"GET /o/{org}/budgets", SignedIn, p.budgets},
		{"POST /o/{org}/budgets", SignedIn, p.putBudget},
		{"GET /o/{org}/budgets/{budget}", SignedIn, p.budget},
		{"POST /o/{org}/budgets/{budget}", SignedIn, p.putBudget},
		{"POST /o/{org}/budgets/{budget}/delete", SignedIn, p.deleteBudget},
	}
}

// budgetActions are in the order in which the form offers them.
var budgetActions = []string{"none", "refuse", "suspend"}

// budgetForm is a budget as it is being typed.
type budgetForm struct {
	name, project, amount, actual, forecast, action string
	wrong                                           *formErrors
}

// budgetsView is what the page of budgets shows.
type budgetsView struct {
	list []api.Budget
	one  *api.Budget // the only one that is shown
	form budgetForm
}

func newBudgetForm() budgetForm {
	return budgetForm{actual: "50, 80, 100", forecast: "100", action: budgetActions[0]}
}

// budgetFormOf is a budget as the form has it.
func budgetFormOf(b api.Budget) budgetForm {
	return budgetForm{name: b.Metadata.Name, project: b.Spec.Project, amount: b.Spec.Amount, actual: percents(b.Spec.Thresholds.Actual), forecast: percents(b.Spec.Thresholds.Forecast), action: b.Spec.Action}
}

// percents are thresholds as one types them.
func percents(all []int) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// readPercents reads what percents writes.
func readPercents(v *visit, field, typed string) ([]int, *formErrors) {
	all := []int{}
	for _, part := range strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ' ' || r == '%' || r == ';' }) {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, mistake(field, v.T("budgets.no-percent"))
		}
		all = append(all, n)
	}
	return all, nil
}

func (p *Portal) budgets(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showBudgets(w, r, v, newBudgetForm(), http.StatusOK)
}

func (p *Portal) showBudgets(w http.ResponseWriter, r *http.Request, v *visit, form budgetForm, status int) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	list, err := v.organization().Budgets(r.Context())
	if err != nil {
		return err
	}
	render(w, r, v, status, budgetsPage(v, budgetsView{list: list, form: form}))
	return nil
}

func (p *Portal) budget(w http.ResponseWriter, r *http.Request, v *visit) error {
	return p.showBudget(w, r, v, nil, http.StatusOK)
}

// showBudget shows one budget, with what was typed of it last.
func (p *Portal) showBudget(w http.ResponseWriter, r *http.Request, v *visit, typed *budgetForm, status int) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	b, err := v.organization().Budget(r.Context(), r.PathValue("budget"))
	if err != nil {
		return err
	}
	form := budgetFormOf(b)
	if typed != nil {
		form = *typed
	}
	render(w, r, v, status, budgetPage(v, budgetsView{one: &b, form: form}))
	return nil
}

// putBudget makes a budget, or changes the one that the path names.
func (p *Portal) putBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	text := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	form := budgetForm{name: text("name"), project: text("project"), amount: text("amount"), actual: text("actual"), forecast: text("forecast"), action: text("action")}
	name := r.PathValue("budget")
	again := func(wrong *formErrors) error {
		form.wrong = wrong
		if name != "" {
			return p.showBudget(w, r, v, &form, http.StatusUnprocessableEntity)
		}
		return p.showBudgets(w, r, v, form, http.StatusUnprocessableEntity)
	}
	if name != "" {
		form.name = name
	}
	spec, wrong := form.spec(v)
	if wrong.any() {
		return again(wrong)
	}
	var err error
	if name == "" {
		_, err = v.organization().CreateBudget(r.Context(), api.BudgetCreate{Name: form.name, BudgetSpec: spec})
	} else {
		_, err = v.organization().PutBudget(r.Context(), name, spec)
	}
	if err != nil {
		wrong, err := formProblem(err)
		if err != nil {
			return err
		}
		return again(wrong)
	}
	redirect(w, r, done("budget-kept", "o", v.org, "budgets"))
	return nil
}

// spec is what the form asks for.
func (f budgetForm) spec(v *visit) (api.BudgetSpec, *formErrors) {
	spec := api.BudgetSpec{Project: f.project, Amount: f.amount, Action: f.action, Thresholds: &api.BudgetThresholds{}}
	var wrong *formErrors
	if spec.Thresholds.Actual, wrong = readPercents(v, "thresholds.actual", f.actual); wrong.any() {
		return spec, wrong
	}
	spec.Thresholds.Forecast, wrong = readPercents(v, "thresholds.forecast", f.forecast)
	return spec, wrong
}

func (p *Portal) deleteBudget(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.organization().DeleteBudget(r.Context(), r.PathValue("budget")); err != nil {
		return err
	}
	redirect(w, r, done("budget-deleted", "o", v.org, "budgets"))
	return nil
}

// budgetState is how a budget stands, in words and as a mark.
func budgetState(v *visit, b api.Budget) (text, mark string) {
	switch s := b.Status; {
	case s.Spent == nil:
		return v.T("budgets.state-unknown"), "off"
	case s.Exceeded && b.Spec.Action == "none":
		return v.T("budgets.state-used"), "bad"
	case s.Exceeded:
		return v.T("budgets.state-used-" + b.Spec.Action), "bad"
	case s.Percent >= 80:
		return v.T("budgets.state-near"), "busy"
	}
	return v.T("budgets.state-within"), "good"
}

// moneyOrNone is an amount, or nothing where none is known.
func moneyOrNone(m *api.Money) string {
	if m == nil {
		return "–"
	}
	return amount(*m)
}
