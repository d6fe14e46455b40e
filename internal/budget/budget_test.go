package budget

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/budget/budgetdb"
	"souk/internal/driver"
	"souk/internal/instance"
	"souk/internal/instance/instancetest"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is an organization with people, instances that run, and its budgets.
type world struct {
	*instancetest.World
	t       *testing.T
	budgets *Service
}

func newWorld(t *testing.T) *world {
	w := &world{World: instancetest.New(t), t: t}
	w.Service.Budgets = Guard{Clock: w.Clock}
	w.budgets = &Service{Clock: w.Clock, Instances: w.Service, Mail: &mail.Outbox{Secrets: w.Secrets, PublicURL: "https://souk.example"}}
	for email, role := range map[string]string{"owner@acme.example": "owner", "money@acme.example": "billing", "dev@acme.example": "editor"} {
		w.Member(t, w.Acme.Organization, email, role)
	}
	return w
}

func (w *world) put(name string, spec api.BudgetSpec) (b api.Budget, err error) {
	err = w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		if b, err = w.budgets.Put(w.t.Context(), tx, w.Acme, name, spec); code(err) == "not-found" {
			b, err = w.budgets.Create(w.t.Context(), tx, w.Acme, api.BudgetCreate{Name: name, BudgetSpec: spec})
		}
		return err
	})
	return b, err
}

func (w *world) set(name, amount, action string) {
	w.t.Helper()
	if _, err := w.put(name, api.BudgetSpec{Amount: amount, Action: action}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) budget(name string) (b api.Budget) {
	w.t.Helper()
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		b, err = w.budgets.Get(w.t.Context(), tx, w.Acme, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// carryOut does all that is due.
func (w *world) carryOut() {
	w.t.Helper()
	storetest.UntilNone(w.t, w.Store, w.budgets.LookDue, w.budgets.EndAlertDue, w.budgets.SuspendDue, w.budgets.ResumeDue)
}

func (w *world) after(d time.Duration) {
	w.Machine.Set(instancetest.Start.Add(d))
	w.carryOut()
}

func (w *world) mails() int { return w.Count(w.t, "mails WHERE topic LIKE 'budget %'") }

func (w *world) view(name string) (v instance.View) {
	w.t.Helper()
	err := w.As(w.t, w.Acme, func(tx store.Tx) (err error) {
		v, err = w.Get(w.t.Context(), tx, w.Acme, name)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func suspendable(s *api.InstanceSpec) { s.Suspendable = true }

// order is an order that may be refused.
func (w *world) order(name string) error {
	_, err := w.Do(w.t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
		return w.Service.Order(ctx, tx, p, instancetest.Order(name))
	})
	return err
}

func code(err error) string {
	if found := problem.As(err); found != nil {
		return found.Code
	}
	return fmt.Sprint(err)
}

func TestBadBudgetsAreRefused(t *testing.T) {
	w := newWorld(t)
	for field, spec := range map[string]api.BudgetSpec{
		"body.amount":              {Amount: "0"},
		"body.amount ":             {Amount: "-5"},
		"body.amount  ":            {Amount: "1e9"},
		"body.amount   ":           {Amount: "10.001"},
		"body.currency":            {Amount: "1", Currency: "chf"},
		"body.action":              {Amount: "1", Action: "delete"},
		"body.project":             {Amount: "1", Project: "nothing"},
		"body.thresholds.actual":   {Amount: "1", Thresholds: &api.BudgetThresholds{Actual: []int{0}}},
		"body.thresholds.forecast": {Amount: "1", Thresholds: &api.BudgetThresholds{Forecast: []int{1001}}},
	} {
		_, err := w.put("b", spec)
		if found := problem.As(err); found == nil || len(found.Fields) != 1 || found.Fields[0].Location != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := w.put("Not a name", api.BudgetSpec{Amount: "1"}); code(err) != "invalid" {
		t.Errorf("a bad name: %v", err)
	}
	if n := w.Count(t, "budgets"); n != 0 {
		t.Errorf("%d budgets were kept", n)
	}
}

// Each threshold is told once a month, by one mail to each of those who look after the
// money, however often the budget is looked at; of another amount again.
func TestThresholdsAreToldOnceAMonth(t *testing.T) {
	w := newWorld(t)
	w.Ready(t, "db1") // CHF 0.02 an hour, and 10 GiB
	w.set("everything", "10", "")
	w.after(time.Minute)
	b := w.budget("everything")
	if b.Status.Spent == nil || b.Status.Percent != 0 || b.Status.Exceeded || b.Status.Forecast.Amount == "0.00" {
		t.Fatalf("%+v", b.Status)
	}
	// The forecast of more than 10 is told at once: to the owner and the billing role.
	if n := w.mails(); n != 2 || len(b.Status.Told) != 1 || b.Status.Told[0].Basis != "forecast" {
		t.Fatalf("%d mails, told %+v", n, b.Status.Told)
	}
	for _, step := range []struct {
		after time.Duration
		mails int
		told  []int
	}{
		{time.Hour, 2, nil},
		{240 * time.Hour, 4, []int{50}}, // 4.80 and the storage
		{300 * time.Hour, 4, []int{50}},
		{375 * time.Hour, 6, []int{50, 80}},
		{500 * time.Hour, 8, []int{50, 80, 100}},
		{600 * time.Hour, 8, []int{50, 80, 100}},
	} {
		w.after(step.after)
		var told []int
		for _, n := range w.budget("everything").Status.Told {
			if n.Basis == "actual" {
				told = append(told, n.Percent)
			}
		}
		if w.mails() != step.mails || !slices.Equal(told, step.told) {
			t.Errorf("after %s: %d mails, told of %v; want %d, %v", step.after, w.mails(), told, step.mails, step.told)
		}
	}
	if !w.budget("everything").Status.Exceeded {
		t.Error("it is not used up")
	}
	// Raised, it is within again, and what is reached of the new amount is told.
	w.set("everything", "20", "")
	w.after(601 * time.Hour)
	b = w.budget("everything")
	if b.Status.Exceeded || b.Status.Percent < 60 || w.mails() != 10 {
		t.Errorf("raised: %+v, %d mails", b.Status, w.mails())
	}
	// The next month begins with nothing.
	w.after(750 * time.Hour)
	if b = w.budget("everything"); b.Status.Percent > 10 || b.Status.Month != "2026-04" || b.Status.Exceeded {
		t.Errorf("the next month: %+v", b.Status)
	}
}

// A budget that refuses lets nothing be ordered or made dearer once it is used up, and
// says which one it is. What costs less, and what runs, goes on.
func TestUsedUpBudgetRefusesOrdersAndIncreases(t *testing.T) {
	w := newWorld(t)
	w.Ready(t, "db1", func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "medium", 20 })
	w.set("everything", "5", "refuse")
	w.after(time.Hour)
	if err := w.order("db2"); err != nil {
		t.Fatalf("within the budget: %v", err)
	}
	w.after(200 * time.Hour)
	err := w.order("db3")
	if code(err) != "budget-used-up" || !strings.Contains(err.Error(), `"everything"`) || !strings.Contains(err.Error(), "billing role") {
		t.Errorf("an order: %v", err)
	}
	update := func(f func(*api.InstanceSpec)) error {
		_, err := w.Do(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
			return w.Service.Update(ctx, tx, p, "db1", instancetest.Put(func(s *api.InstanceSpec) { s.Plan, s.StorageGiB = "medium", 20; f(s) }), instancetest.AnyVersion)
		})
		return err
	}
	if err := update(func(s *api.InstanceSpec) { s.StorageGiB = 30 }); code(err) != "budget-used-up" {
		t.Errorf("more storage: %v", err)
	}
	if err := update(func(s *api.InstanceSpec) { s.DisplayName = "x" }); err != nil {
		t.Errorf("another name: %v", err)
	}
	if err := update(func(s *api.InstanceSpec) { s.Plan = "small" }); err != nil {
		t.Errorf("a smaller plan: %v", err)
	}
	var preview api.Preview
	if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
		preview, err = w.Service.Preview(t.Context(), tx, w.Acme, instancetest.Order("db3"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(preview.Budgets) != 1 || !preview.Budgets[0].Refuses || !preview.Budgets[0].Over {
		t.Errorf("what an order would do: %+v", preview.Budgets)
	}
	if v := w.view("db1"); len(v.SuspendedFor) != 0 {
		t.Errorf("db1 is suspended for %v", v.SuspendedFor)
	}
	w.set("everything", "500", "refuse")
	w.carryOut()
	if err := w.order("db3"); err != nil {
		t.Errorf("after it was raised: %v", err)
	}
}

// What an order adds to the forecast is what it costs from now until the month's end.
func TestEffectOfAnOrder(t *testing.T) {
	w := newWorld(t)
	w.set("everything", "100", "")
	w.carryOut()
	var preview api.Preview
	ask := func() api.BudgetEffect {
		t.Helper()
		if err := w.As(t, w.Acme, func(tx store.Tx) (err error) {
			preview, err = w.Service.Preview(t.Context(), tx, w.Acme, instancetest.Order("db1"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(preview.Budgets) != 1 {
			t.Fatalf("%+v", preview.Budgets)
		}
		return preview.Budgets[0]
	}
	e := ask()
	month, after := money.MustParse(preview.Cost.After.Month.Amount), money.MustParse(e.After.Amount)
	if e.Forecast.Amount != "0.00" || after.IsZero() || after.Cmp(month) >= 0 || e.Over {
		t.Errorf("%+v, a month costs %s", e, month)
	}
	w.Ready(t, "db1")
	w.after(6 * time.Minute)
	forecast := money.MustParse(w.budget("everything").Status.Forecast.Amount)
	if off := forecast.Sub(after); off.Cmp(money.MustParse("0.02")) > 0 || off.Cmp(money.MustParse("-0.02")) < 0 {
		t.Errorf("the forecast was said to be %s, and is %s", after, forecast)
	}
}

// Only what is marked is suspended; nothing is deleted, and what the operator has
// suspended stays so. It is resumed when the budget is raised, deleted or asks for
// something else, when the instance is not marked any more, and when the month ends.
func TestUsedUpBudgetSuspendsWhatIsMarked(t *testing.T) {
	for name, lift := range map[string]func(w *world){
		"raised":         func(w *world) { w.set("everything", "500", "suspend"); w.carryOut() },
		"another action": func(w *world) { w.set("everything", "5", "refuse"); w.carryOut() },
		"the month ends": func(w *world) { w.after(31 * 24 * time.Hour) },
		"deleted": func(w *world) {
			if err := w.As(w.t, w.Acme, func(tx store.Tx) error { return w.budgets.Delete(w.t.Context(), tx, w.Acme, "everything") }); err != nil {
				w.t.Fatal(err)
			}
			w.carryOut()
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			w := newWorld(t)
			w.Ready(t, "dev", suspendable)
			w.Ready(t, "prod")
			w.Ready(t, "abused", suspendable)
			if _, err := w.Do(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
				return w.Service.Suspend(ctx, tx, p, "abused", instance.SuspendedByBudget)
			}); err != nil {
				t.Fatal(err)
			}
			w.set("everything", "5", "suspend")
			w.after(time.Hour)
			if v := w.view("dev"); len(v.SuspendedFor) != 0 {
				t.Fatalf("within the budget: %v", v.SuspendedFor)
			}
			w.after(200 * time.Hour)
			w.carryOut()
			if v := w.view("dev"); !slices.Equal(v.SuspendedFor, []string{"budget"}) || v.Intent != "suspended" {
				t.Errorf("dev is suspended for %v", v.SuspendedFor)
			}
			if v := w.view("prod"); len(v.SuspendedFor) != 0 || v.Intent != "active" {
				t.Errorf("prod is suspended for %v", v.SuspendedFor)
			}
			if stopped := w.budget("everything").Status.Suspended; len(stopped) != 1 || stopped[0].Name != "dev" {
				t.Errorf("the budget says that it has suspended %v", stopped)
			}
			_, err := w.Do(t, func(ctx context.Context, tx store.Tx, p instance.Place) (instance.View, error) {
				return w.Service.Resume(ctx, tx, p, "dev", instance.SuspendedByUser)
			})
			if code(err) != "suspended-by-budget" {
				t.Errorf("resumed by its user: %v", err)
			}
			w.Report(t, w.view("dev").ID, driver.StateStopped)
			lift(w)
			if v := w.view("dev"); len(v.SuspendedFor) != 0 || v.Intent != "active" {
				t.Errorf("then dev is suspended for %v", v.SuspendedFor)
			}
			if v := w.view("abused"); !slices.Equal(v.SuspendedFor, []string{"budget"}) {
				t.Errorf("what the operator has suspended is suspended for %v", v.SuspendedFor)
			}
			if n := w.Count(t, "instances WHERE deleted_at IS NOT NULL"); n != 0 {
				t.Errorf("%d instances were deleted", n)
			}
		})
	}
}

// Whichever statement fails, nothing of the step is left, and it is done the next time:
// told once, suspended once.
func TestKilledAfterEachStatement(t *testing.T) {
	w := newWorld(t)
	w.Ready(t, "dev", suspendable)
	w.set("everything", "4", "suspend")
	w.Machine.Set(instancetest.Start.Add(200 * time.Hour))
	cut := func(what string, f func(tx store.Tx) error) {
		t.Helper()
		for n := 1; ; n++ {
			before, did := w.Snapshot(t), func() bool { return false }
			err := w.Store.System(t.Context(), func(tx store.Tx) error {
				var faulty store.Tx
				faulty, did = instancetest.FailAt(tx, n)
				return f(faulty)
			})
			if !did() {
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				return
			}
			if !errors.Is(err, instancetest.ErrInjected) {
				t.Fatalf("%s, statement %d: %v", what, n, err)
			}
			if after := w.Snapshot(t); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Fatalf("%s, statement %d: something of it is left", what, n)
			}
		}
	}
	var id uuid.UUID
	cut("look", func(tx store.Tx) error {
		now := w.Clock.Now()
		due, err := budgetdb.New(tx).Due(t.Context(), now)
		if err != nil {
			return err
		}
		f, err := w.budgets.spending(t.Context(), tx, due[0], now)
		if err != nil {
			return err
		}
		return w.budgets.Look(t.Context(), tx, due[0], f, now)
	})
	if w.mails() != 2 || w.Count(t, "budget_notices") != 4 {
		t.Errorf("%d mails, %d notices", w.mails(), w.Count(t, "budget_notices"))
	}
	id = w.view("dev").ID
	for range 2 { // another replica does the same
		cut("suspend", func(tx store.Tx) error { return w.budgets.Suspend(t.Context(), tx, id) })
	}
	if n := w.Count(t, "commands WHERE kind = 'suspend'"); n != 1 {
		t.Errorf("suspended %d times", n)
	}
	for range 2 {
		cut("resume", func(tx store.Tx) error { return w.budgets.Resume(t.Context(), tx, id) })
	}
	if n := w.Count(t, "budget_suspensions"); n != 0 || len(w.view("dev").SuspendedFor) != 0 {
		t.Errorf("%d suspensions are left", n)
	}
	w.carryOut()
	if n := w.mails(); n != 2 {
		t.Errorf("%d mails in the end", n)
	}
}
