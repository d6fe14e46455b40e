// Package budget watches what organizations mean to spend: it compares it with what the
// running month has cost and will cost, tells people when thresholds are reached, and
// refuses orders or suspends what is marked suspendable where that is wished. It never
// deletes anything.
//
// A budget is looked at in one transaction, and each instance is suspended or resumed in
// one of its own, from what the record says: whoever is killed between two goes on with
// the next, and nothing is done or told twice.
package budget

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/budget/budgetdb"
	"souk/internal/clock"
	"souk/internal/costs"
	"souk/internal/instance"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tenancy"
)

// What a budget does when all of it is spent.
const (
	actionNone    = "none"
	actionRefuse  = "refuse"
	actionSuspend = "suspend"
)

const (
	// MostBudgets is how many an organization can have.
	MostBudgets = 50
	// mostThresholds is how many thresholds a budget has of each kind.
	mostThresholds = 10
	// highest is the highest threshold, in per cent.
	highest = 1000
	// currency is that of a budget which names none.
	currency = "CHF"
)

// Service keeps and watches budgets.
type Service struct {
	Clock     clock.Clock
	Instances *instance.Service
	Mail      *mail.Outbox // nil: nobody is written to
	// Tell tells an organization's alert channels, in the transaction; nil: it does not.
	Tell func(ctx context.Context, tx store.Tx, a Alert, now time.Time) error
}

// usual are the thresholds of a budget that names none.
func usual() *api.BudgetThresholds {
	return &api.BudgetThresholds{Actual: []int{50, 80, 100}, Forecast: []int{100}}
}

// List returns the budgets of an organization, by name.
func (s *Service) List(ctx context.Context, tx store.Tx, p instance.Place) ([]api.Budget, error) {
	q := budgetdb.New(tx)
	rows, err := q.List(ctx, p.Organization)
	if err != nil {
		return nil, err
	}
	list := []api.Budget{}
	for _, r := range rows {
		b, err := s.view(ctx, q, p.OrganizationName, r.Budget, r.Project)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

// Get returns a budget.
func (s *Service) Get(ctx context.Context, tx store.Tx, p instance.Place, name string) (api.Budget, error) {
	q := budgetdb.New(tx)
	r, err := q.Get(ctx, budgetdb.GetParams{OrganizationID: p.Organization, Name: name})
	if errors.Is(err, pgx.ErrNoRows) {
		return api.Budget{}, problem.NotFound("budget", name)
	}
	if err != nil {
		return api.Budget{}, err
	}
	return s.view(ctx, q, p.OrganizationName, r.Budget, r.Project)
}

// Create makes a budget, of a name that is free. It is looked at within seconds.
func (s *Service) Create(ctx context.Context, tx store.Tx, p instance.Place, in api.BudgetCreate) (api.Budget, error) {
	_, err := s.Get(ctx, tx, p, in.Name)
	if err == nil {
		return api.Budget{}, problem.InvalidField("body.name", in.Name, "There is a budget of this name already.")
	}
	if found := problem.As(err); found == nil {
		return api.Budget{}, err
	}
	return s.keep(ctx, tx, p, in.Name, in.BudgetSpec)
}

// Put changes a budget. It is looked at within seconds. It is idempotent.
func (s *Service) Put(ctx context.Context, tx store.Tx, p instance.Place, name string, spec api.BudgetSpec) (api.Budget, error) {
	if _, err := s.Get(ctx, tx, p, name); err != nil {
		return api.Budget{}, err
	}
	return s.keep(ctx, tx, p, name, spec)
}

func (s *Service) keep(ctx context.Context, tx store.Tx, p instance.Place, name string, spec api.BudgetSpec) (api.Budget, error) {
	put, err := read(name, spec)
	if err != nil {
		return api.Budget{}, err
	}
	if spec.Project != "" {
		id, err := tenancy.ProjectID(ctx, tx, p.Organization, spec.Project)
		if found := problem.As(err); found != nil {
			return api.Budget{}, problem.InvalidField("body.project", spec.Project, "There is no project %q.", spec.Project)
		}
		if err != nil {
			return api.Budget{}, err
		}
		put.ProjectID = &id
	}
	put.ID, put.OrganizationID, put.CreatedAt = store.NewID(), p.Organization, s.Clock.Now()
	q := budgetdb.New(tx)
	if _, err := q.Put(ctx, put); err != nil {
		return api.Budget{}, err
	}
	n, err := q.Count(ctx, p.Organization)
	if err != nil {
		return api.Budget{}, err
	}
	if n > MostBudgets {
		return api.Budget{}, problem.Conflict("too-many-budgets", "An organization has at most %d budgets. Delete one first.", MostBudgets)
	}
	return s.Get(ctx, tx, p, name)
}

// Delete deletes a budget. What it refused can be ordered again, and what it has suspended
// is resumed within seconds.
func (s *Service) Delete(ctx context.Context, tx store.Tx, p instance.Place, name string) error {
	n, err := budgetdb.New(tx).Delete(ctx, budgetdb.DeleteParams{OrganizationID: p.Organization, Name: name})
	if err == nil && n == 0 {
		return problem.NotFound("budget", name)
	}
	return err
}

var nameForm = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// read checks a spec and fills in what it leaves out.
func read(name string, spec api.BudgetSpec) (budgetdb.PutParams, error) {
	var wrong []problem.Field
	add := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, problem.Field{Location: field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if !nameForm.MatchString(name) {
		add("body.name", name, "A name has 1 to 63 lower-case letters, digits and hyphens, starts with a letter and does not end with a hyphen.")
	}
	out := budgetdb.PutParams{Name: name, Currency: spec.Currency, Action: spec.Action}
	if out.Currency == "" {
		out.Currency = currency
	}
	if !regexp.MustCompile(`^[A-Z]{3}$`).MatchString(out.Currency) {
		add("body.currency", spec.Currency, "Write a currency as CHF.")
	}
	amount, err := money.Parse(spec.Amount)
	switch {
	case err != nil || amount.Cmp(money.Amount{}) <= 0 || amount.Cmp(money.MustParse("1000000000000")) > 0:
		add("body.amount", spec.Amount, "Write an amount of money that is more than nothing, such as 500.00.")
	case amount.Round(money.Digits(out.Currency)).Cmp(amount) != 0:
		add("body.amount", spec.Amount, "%s has %d decimal places.", out.Currency, money.Digits(out.Currency))
	}
	out.Amount = amount
	t := spec.Thresholds
	if t == nil {
		t = usual()
	}
	thresholds := func(field string, in []int) []int32 {
		list := []int32{}
		for _, percent := range in {
			if percent < 1 || percent > highest {
				add(field, percent, "A threshold is from 1 to %d per cent.", highest)
				return nil
			}
			list = append(list, int32(percent))
		}
		slices.Sort(list)
		if list = slices.Compact(list); len(list) > mostThresholds {
			add(field, nil, "At most %d thresholds.", mostThresholds)
		}
		return list
	}
	out.Actual, out.Forecast = thresholds("body.thresholds.actual", t.Actual), thresholds("body.thresholds.forecast", t.Forecast)
	switch out.Action {
	case "":
		out.Action = actionNone
	case actionNone, actionRefuse, actionSuspend:
	default:
		add("body.action", spec.Action, "It is none, refuse or suspend.")
	}
	if len(wrong) > 0 {
		return out, problem.Invalid(wrong...)
	}
	return out, nil
}

// view is a budget as a document.
func (s *Service) view(ctx context.Context, q *budgetdb.Queries, organization string, b budgetdb.Budget, project string) (api.Budget, error) {
	of := func(a money.Amount) api.Money { return api.Money{Amount: a.String(), Currency: b.Currency} }
	whole := func(in []int32) []int {
		out := make([]int, len(in))
		for i, n := range in {
			out[i] = int(n)
		}
		return out
	}
	out := api.Budget{
		Metadata: api.BudgetMetadata{ID: b.ID.String(), Name: b.Name, Organization: organization, CreatedAt: b.CreatedAt.UTC(), UpdatedAt: b.UpdatedAt.UTC()},
		Spec: api.BudgetSpec{Project: project, Amount: b.Amount.String(), Currency: b.Currency, Action: b.Action,
			Thresholds: &api.BudgetThresholds{Actual: whole(b.Actual), Forecast: whole(b.Forecast)}},
	}
	if !known(b, s.Clock.Now()) {
		return out, nil
	}
	spent, expected, at := of(b.Spent), of(b.Expected), b.LookedAt.UTC()
	out.Status = api.BudgetStatus{Month: b.Period, Spent: &spent, Forecast: &expected, LookedAt: &at, Percent: percent(b.Spent, b.Amount), Exceeded: used(b, s.Clock.Now())}
	told, err := q.Told(ctx, budgetdb.ToldParams{OrganizationID: b.OrganizationID, Period: b.Period})
	if err != nil {
		return out, err
	}
	for _, n := range told {
		if n.BudgetID == b.ID {
			out.Status.Told = append(out.Status.Told, api.BudgetNotice{Basis: n.Basis, Percent: int(n.Percent), Reached: of(n.Reached), At: n.ToldAt.UTC()})
		}
	}
	stopped, err := q.InstancesSuspended(ctx, b.OrganizationID)
	for _, i := range stopped {
		if b.ProjectID == nil || *b.ProjectID == i.ProjectID {
			out.Status.Suspended = append(out.Status.Suspended, api.BudgetStopped{Project: i.Project, Name: i.Name})
		}
	}
	return out, err
}

// known says whether a budget was looked at in the month that runs.
func known(b budgetdb.Budget, now time.Time) bool {
	return b.LookedAt != nil && b.PeriodTo != nil && now.Before(*b.PeriodTo)
}

// used says whether all of a budget is spent.
func used(b budgetdb.Budget, now time.Time) bool { return known(b, now) && b.Spent.Cmp(b.Amount) >= 0 }

// percent is how much of the whole a part is, rounded down; 0 where it is less than none.
func percent(part, whole money.Amount) int {
	return sort.Search(10*highest, func(n int) bool { return part.Times(100).Cmp(whole.Times(int64(n+1))) < 0 })
}

// reached are those of the thresholds that a part of the whole has reached.
func reached(thresholds []int32, part, whole money.Amount) (all []int32) {
	for _, t := range thresholds {
		if part.Times(100).Cmp(whole.Times(int64(t))) >= 0 {
			all = append(all, t)
		}
	}
	return all
}

// spending is what the costs that a budget counts have come to.
func (s *Service) spending(ctx context.Context, tx store.Tx, b budgetdb.DueRow, now time.Time) (finding, error) {
	m, err := costs.Now(ctx, tx, b.OrganizationID, now)
	if err != nil {
		return finding{}, err
	}
	spent, expected, err := costs.Spending(ctx, tx, b.OrganizationID, b.ProjectID, m, now, b.Currency)
	return finding{m, spent, expected}, err
}

// id is a budget's or an instance's in errors.
func id(of uuid.UUID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", of, err)
}
