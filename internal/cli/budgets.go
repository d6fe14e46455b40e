package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newBudgets(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "budgets [NAME]",
		Short: "Say what a month may cost, and see how that stands",
		Long: "Shows the organization's budgets and how they stand this month. When a threshold is reached\n" +
			"its owners, administrators and the billing role get a mail, and its alert channels a warning.",
		Args: cobra.MaximumNArgs(1),
	}
	out := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		if len(args) == 1 {
			b, err := organization.Budget(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(out, view{value: b, names: []string{"budget/" + b.Metadata.Name}, text: budgetText(b)})
		}
		all, err := organization.Budgets(ctx)
		if err != nil {
			return err
		}
		v := view{value: listed(all), table: newTable("NAME", "PROJECT", "AMOUNT", "SPENT", "USED", "FORECAST", "ACTION", "STATE"), empty: "No budgets yet. Make one: souk budgets set NAME --amount 500"}
		for _, b := range all {
			v.names = append(v.names, "budget/"+b.Metadata.Name)
			v.table.add(b.Metadata.Name, orAll(b.Spec.Project), budgetAmount(b), found(b.Status.Spent), percentOf(b), found(b.Status.Forecast), b.Spec.Action, budgetState(b))
		}
		return a.show(out, v)
	})
	cmd.AddCommand(newBudgetSet(a), newBudgetDelete(a))
	return cmd
}

func newBudgetSet(a *App) *cobra.Command {
	var spec api.BudgetSpec
	var actual, forecast []int
	cmd := &cobra.Command{
		Use:   "set NAME --amount AMOUNT",
		Short: "Make or change a budget",
		Long: "Makes a budget, or changes one: what is not said takes its default. It is of the whole\n" +
			"organization, or of the project that --project names.\n\n" +
			"When all of it is spent, --action refuse refuses new orders and whatever makes an instance\n" +
			"dearer; --action suspend suspends the instances that are marked suspendable (souk update\n" +
			"NAME --suspendable) until the budget is raised or the month ends. Nothing is ever deleted.",
		Example: "  souk budgets set everything --amount 500\n  souk budgets set shop --project shop --amount 200 --actual 50,80,100 --forecast 100 --action suspend",
		Args:    cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&spec.Amount, "amount", "", "for a calendar month, such as 500 or 500.00")
	f.StringVar(&spec.Currency, "currency", "", "of the amount (default: CHF)")
	f.IntSliceVar(&actual, "actual", nil, "tell people when so many per cent are spent (default: 50,80,100)")
	f.IntSliceVar(&forecast, "forecast", nil, "tell people when the forecast reaches so many per cent (default: 100)")
	f.StringVar(&spec.Action, "action", "", "what happens when all is spent: none, refuse or suspend (default: none)")
	must(cmd.MarkFlagRequired("amount"))
	must(cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions([]string{"none", "refuse", "suspend"}, cobra.ShellCompDirectiveNoFileComp)))
	out := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		if f.Changed("actual") || f.Changed("forecast") {
			spec.Thresholds = &api.BudgetThresholds{Actual: []int{50, 80, 100}, Forecast: []int{100}}
			if f.Changed("actual") {
				spec.Thresholds.Actual = actual
			}
			if f.Changed("forecast") {
				spec.Thresholds.Forecast = forecast
			}
		}
		spec.Project = a.project
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		b, err := organization.PutBudget(ctx, args[0], spec)
		if client.IsStatus(err, http.StatusNotFound) {
			b, err = organization.CreateBudget(ctx, api.BudgetCreate{Name: args[0], BudgetSpec: spec})
		}
		if err != nil {
			return err
		}
		return a.result(out, "budget/"+b.Metadata.Name, "is "+budgetAmount(b)+" a month", b)
	})
	return cmd
}

func newBudgetDelete(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a budget",
		Long: "Deletes a budget. What it refused can be ordered again, and what it has suspended is resumed.",
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		if err := organization.DeleteBudget(ctx, args[0]); err != nil {
			return err
		}
		return a.done("budget/%s deleted", args[0])
	})
	return cmd
}

func budgetAmount(b api.Budget) string {
	return amount(api.Money{Amount: b.Spec.Amount, Currency: b.Spec.Currency})
}

// found is an amount that was looked for, or -.
func found(m *api.Money) string {
	if m == nil {
		return "-"
	}
	return amount(*m)
}

func percentOf(b api.Budget) string {
	if b.Status.Spent == nil {
		return "-"
	}
	return fmt.Sprintf("%d %%", b.Status.Percent)
}

func orAll(project string) string {
	if project == "" {
		return "all"
	}
	return project
}

// budgetState says in a word or two how a budget stands.
func budgetState(b api.Budget) string {
	switch s := b.Status; {
	case s.Spent == nil:
		return "not looked at yet"
	case s.Exceeded && b.Spec.Action == "refuse":
		return "used up, refuses orders"
	case s.Exceeded && b.Spec.Action == "suspend":
		return fmt.Sprintf("used up, %d suspended", len(s.Suspended))
	case s.Exceeded:
		return "used up"
	}
	return "within"
}

func budgetText(b api.Budget) string {
	p := &page{}
	p.field("Budget", b.Metadata.Name)
	p.field("Project", orAll(b.Spec.Project))
	p.field("Amount", budgetAmount(b)+" a month")
	p.field("Told of", fmt.Sprintf("%s per cent spent, %s of the forecast", list(b.Spec.Thresholds.Actual), list(b.Spec.Thresholds.Forecast)))
	p.field("When all is spent", b.Spec.Action)
	p.field("State", budgetState(b))
	p.field("Month", b.Status.Month)
	p.field("Spent", found(b.Status.Spent)+" ("+percentOf(b)+")")
	p.field("Forecast", found(b.Status.Forecast))
	if b.Status.LookedAt != nil {
		p.field("Looked at", moment(*b.Status.LookedAt))
	}
	if len(b.Status.Told) > 0 {
		t := newTable("AT", "WHAT", "PER CENT", "REACHED")
		for _, n := range b.Status.Told {
			t.add(moment(n.At), n.Basis, fmt.Sprint(n.Percent), amount(n.Reached))
		}
		p.section("Told this month", t)
	}
	if len(b.Status.Suspended) > 0 {
		t := newTable("PROJECT", "INSTANCE")
		for _, i := range b.Status.Suspended {
			t.add(i.Project, i.Name)
		}
		p.section("Suspended", t)
	}
	return fmt.Sprint(p)
}

// list writes numbers with commas, or "none".
func list(numbers []int) string {
	if len(numbers) == 0 {
		return "none"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(numbers), "[]"), " ", ", ")
}

// budgetEffect says what an order or a change does to a budget.
func budgetEffect(e api.BudgetEffect) string {
	of := "the organization"
	if e.Project != "" {
		of = "project " + e.Project
	}
	text := fmt.Sprintf("Budget %s of %s: %s of %s are spent; the forecast goes from %s to %s.", e.Name, of, amount(e.Spent), amount(e.Amount), amount(e.Forecast), amount(e.After))
	switch {
	case e.Refuses:
		text += " It is used up and refuses this."
	case e.Over:
		text += " That is more than the budget."
	}
	return text
}
