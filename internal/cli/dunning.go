package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"souk/api"
)

func newBalance(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "balance", Short: "Show what your organization has open, and how to pay it", Args: cobra.NoArgs}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		b, err := organization.BillingBalance(ctx)
		if err != nil {
			return err
		}
		return a.show(o, view{value: b, text: balanceText(b)})
	})
	return cmd
}

func balanceText(b api.BillingBalance) string {
	var p page
	p.field("Open", b.Currency+" "+b.Open)
	p.field("Overdue", b.Currency+" "+b.Overdue)
	p.field("Credit", b.Currency+" "+b.Credit)
	p.field("Pay to", b.PayTo.Name+", "+b.PayTo.IBAN)
	p.field("Suspended", dunningText(b))
	p.field("Orders", b.OrdersRefused)
	t := newTable("INVOICE", "DUE", "OPEN", "STATE", "REFERENCE")
	for _, i := range b.Invoices {
		t.add(i.Number, i.DueOn, i.Open, i.State, i.Reference)
	}
	p.section("", t)
	return p.String()
}

// dunningText says what becomes of instances.
func dunningText(b api.BillingBalance) string {
	switch {
	case b.Held != nil && b.Held.Until != "":
		return "held until " + b.Held.Until
	case b.Held != nil:
		return "held"
	case b.Suspended > 0:
		return fmt.Sprintf("%d instances, until what is overdue is paid", b.Suspended)
	case b.SuspendedOn != "":
		return "on " + b.SuspendedOn + ", unless what is overdue is paid"
	}
	return ""
}

func newDunning(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "dunning", Short: "List of whom something is overdue; hold dunning, and change its rules", Args: cobra.NoArgs}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().Dunning(ctx)
		if err != nil {
			return err
		}
		v := view{value: list, names: []string{}, table: newTable("ORGANIZATION", "OVERDUE", "INVOICES", "LAST", "NEXT", "INSTANCES", "HELD FOR"), empty: "Nothing is overdue"}
		for _, b := range list {
			v.names = append(v.names, "organization/"+b.Organization)
			late, last, next, held := 0, "", "", ""
			for _, i := range b.Invoices {
				if i.State == "overdue" {
					if late++; late == 1 {
						last, next = i.Step, i.NextStep+" "+i.NextOn
					}
				}
			}
			if b.Held != nil {
				held = b.Held.Reason
			}
			v.table.add(b.Organization, b.Currency+" "+b.Overdue, fmt.Sprint(late), last, next, dunningText(b), held)
		}
		return a.show(o, v)
	})
	cmd.AddCommand(newDunningHold(a), newDunningRelease(a), newDunningRules(a))
	return cmd
}

func newDunningHold(a *App) *cobra.Command {
	var hold api.DunningHold
	cmd := &cobra.Command{
		Use:   "hold ORGANIZATION --reason TEXT",
		Short: "Remind an organization of nothing, and let its instances run",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&hold.Reason, "reason", "", "why; the customer does not see it")
	cmd.Flags().StringVar(&hold.Until, "until", "", "the last `DAY`, such as 2026-12-31; until it is released if there is none")
	must(cmd.MarkFlagRequired("reason"))
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		if err := c.Operator().HoldDunning(ctx, args[0], hold); err != nil {
			return err
		}
		return a.done("dunning of organization/%s held", args[0])
	})
	return cmd
}

func newDunningRelease(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "release ORGANIZATION", Short: "Go on with dunning of an organization", Args: cobra.ExactArgs(1)}
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		if err := c.Operator().ReleaseDunning(ctx, args[0]); err != nil {
			return err
		}
		return a.done("dunning of organization/%s goes on", args[0])
	})
	return cmd
}

func newDunningRules(a *App) *cobra.Command {
	var typed api.DunningRules
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Show or change after how many days what is done about what is overdue",
		Args:  cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.IntVar(&typed.ReminderDays, "reminder-days", 0, "days after which the first reminder is sent")
	flags.IntVar(&typed.SecondDays, "second-days", 0, "days after which the second one is")
	flags.IntVar(&typed.SuspendDays, "suspend-days", 0, "days after which instances are suspended")
	flags.IntVar(&typed.NoticeDays, "notice-days", 0, "how many days before that it is announced")
	flags.BoolVar(&typed.Paused, "paused", false, "remind nobody")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		rules, err := c.Operator().DunningRules(ctx)
		if err != nil {
			return err
		}
		changed := false
		for name, set := range map[string]func(){
			"reminder-days": func() { rules.ReminderDays = typed.ReminderDays },
			"second-days":   func() { rules.SecondDays = typed.SecondDays },
			"suspend-days":  func() { rules.SuspendDays = typed.SuspendDays },
			"notice-days":   func() { rules.NoticeDays = typed.NoticeDays },
			"paused":        func() { rules.Paused = typed.Paused },
		} {
			if flags.Changed(name) {
				set()
				changed = true
			}
		}
		if changed {
			if rules, err = c.Operator().SetDunningRules(ctx, rules); err != nil {
				return err
			}
		}
		return a.show(o, view{value: rules, text: rulesText(rules)})
	})
	return cmd
}

func rulesText(r api.DunningRules) string {
	if r.Paused {
		return "Nobody is reminded: dunning is paused\n"
	}
	return fmt.Sprintf("First reminder   %d days after an invoice was due\nSecond reminder  %d days\nAnnouncement     %d days\nSuspension       %d days\n", r.ReminderDays, r.SecondDays, r.SuspendDays-r.NoticeDays, r.SuspendDays)
}
