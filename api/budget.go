package api

import "time"

// Budget is what an organization, or one of its projects, means to spend in a month.
type Budget struct {
	Metadata BudgetMetadata `json:"metadata"`
	Spec     BudgetSpec     `json:"spec"`
	Status   BudgetStatus   `json:"status"`
}

// BudgetMetadata says which budget it is.
type BudgetMetadata struct {
	ID           string    `json:"id"`
	Name         string    `json:"name" example:"everything"`
	Organization string    `json:"organization"`
	CreatedAt    time.Time `json:"createdAt"`
	UpdatedAt    time.Time `json:"updatedAt"`
}

// BudgetCreate makes a budget.
type BudgetCreate struct {
	Name string `json:"name" maxLength:"63" doc:"Small letters, digits and hyphens; cannot change"`
	BudgetSpec
}

// BudgetSpec is what is wanted of a budget.
type BudgetSpec struct {
	Project  string `json:"project,omitempty" maxLength:"63" doc:"Default: the whole organization"`
	Amount   string `json:"amount" maxLength:"30" example:"500.00" doc:"For a calendar month, without tax"`
	Currency string `json:"currency,omitempty" maxLength:"3" doc:"Default: CHF. Costs in other currencies do not count"`
	// Thresholds are when people are told.
	Thresholds *BudgetThresholds `json:"thresholds,omitempty" doc:"Default: 50, 80 and 100 per cent of what is spent, and 100 of the forecast"`
	// Action is what happens when all is spent.
	Action string `json:"action,omitempty" enum:"none,refuse,suspend" doc:"What happens when all of it is spent: nothing, or new orders and larger plans are refused, or suspendable instances are suspended until the budget is raised or the month ends. Default: none"`
}

// BudgetThresholds are percentages of the amount.
type BudgetThresholds struct {
	Actual   []int `json:"actual" nullable:"false" doc:"Of what is spent, 1 to 1000"`
	Forecast []int `json:"forecast" nullable:"false" doc:"Of what the month will have cost at its end, 1 to 1000"`
}

// BudgetStatus is how a budget stands. It is looked at every five minutes.
type BudgetStatus struct {
	Month     string          `json:"month,omitempty" example:"2026-11" doc:"Absent: it was not looked at yet"`
	Spent     *Money          `json:"spent,omitempty"`
	Forecast  *Money          `json:"forecast,omitempty" doc:"At the month's end, if all goes on as it is"`
	Percent   int             `json:"percent" doc:"Of the amount that is spent, rounded down"`
	Exceeded  bool            `json:"exceeded" doc:"All of it is spent, and its action is in force"`
	LookedAt  *time.Time      `json:"lookedAt,omitempty"`
	Told      []BudgetNotice  `json:"told,omitempty" doc:"What people were told this month"`
	Suspended []BudgetStopped `json:"suspended,omitempty" doc:"Instances that budgets keep suspended, of those that count for this one"`
}

// BudgetNotice is a threshold that was reached.
type BudgetNotice struct {
	Basis   string    `json:"basis" enum:"actual,forecast"`
	Percent int       `json:"percent"`
	Reached Money     `json:"reached" doc:"What was spent, or to be expected, then"`
	At      time.Time `json:"at"`
}

// BudgetStopped is an instance that a budget has suspended.
type BudgetStopped struct {
	Project string `json:"project"`
	Name    string `json:"name"`
}

// BudgetEffect is what an order or a change does to a budget.
type BudgetEffect struct {
	Name     string `json:"name"`
	Project  string `json:"project,omitempty" doc:"Absent: of the whole organization"`
	Amount   Money  `json:"amount"`
	Spent    Money  `json:"spent"`
	Forecast Money  `json:"forecast" doc:"Of the month without it"`
	After    Money  `json:"after" doc:"Of the month with it, from now on"`
	Over     bool   `json:"over" doc:"After is more than the amount"`
	Refuses  bool   `json:"refuses,omitempty" doc:"All of the budget is spent, and it refuses this"`
}
