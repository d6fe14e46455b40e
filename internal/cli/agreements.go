package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newAgreements(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agreements",
		Short: "Show the discounts that were agreed on; record and end them (operator)",
		Long:  "Shows the discounts that the operator has agreed on with the organization. What they come to\nis in \"souk get cost\", in the draft and on invoices, a line each.",
		Args:  cobra.NoArgs,
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		all, err := organization.Agreements(ctx)
		if err != nil {
			return err
		}
		return a.show(o, agreementsView(all))
	})
	cmd.AddCommand(newAgreementsList(a), newAgreementCreate(a), newAgreementEnd(a))
	return cmd
}

func newAgreementsList(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "list [ORGANIZATION]", Short: "List the agreements with all organizations, or with one (operator)", Args: cobra.MaximumNArgs(1)}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		all, err := c.Operator().Agreements(ctx, strings.Join(args, ""))
		if err != nil {
			return err
		}
		return a.show(o, agreementsView(all))
	})
	return cmd
}

func agreementsView(all []api.Agreement) view {
	v := view{value: listed(all), names: []string{}, table: newTable("ID", "ORGANIZATION", "NAME", "DISCOUNT", "OF", "FROM", "TO", "STATE"), empty: "No discounts were agreed on"}
	for _, g := range all {
		v.names = append(v.names, "agreement/"+g.ID)
		v.table.add(g.ID, g.Organization, g.Name, discountText(g), coveredText(g), g.From, dash(g.To), g.State)
	}
	return v
}

// discountText says how much an agreement reduces what it covers.
func discountText(g api.Agreement) string {
	switch g.Kind {
	case "percent":
		return g.Percent + " %"
	case "amount":
		return g.Currency + " " + g.Amount + " a month"
	}
	parts := make([]string, len(g.Tiers))
	for i, t := range g.Tiers {
		parts[i] = t.Percent + " % beyond"
		if t.UpTo != "" {
			parts[i] = t.Percent + " % up to " + t.UpTo
		}
	}
	return strings.Join(parts, ", ")
}

func coveredText(g api.Agreement) string {
	text := strings.TrimSpace(g.Service + " " + g.Plan + " " + g.Item)
	if text == "" {
		return "everything"
	}
	return strings.Join(strings.Fields(text), " ")
}

func newAgreementCreate(a *App) *cobra.Command {
	var in api.AgreementCreate
	var tiers []string
	cmd := &cobra.Command{
		Use:   "create ORGANIZATION NAME --from DAY (--percent P | --amount A | --tier UPTO=P...)",
		Short: "Record a discount that was agreed on with an organization (operator)",
		Long: "Records a discount: a percentage, an amount for each calendar month, or percentages by what\n" +
			"a month comes to, where each tier counts for the part that lies in it; the last tier is\n" +
			"\"rest\". It is a line of its own on invoices, under its name.\n\n" +
			"Volumes apply first, then percentages, then amounts, within each the one first that was\n" +
			"recorded first; each reduces what those before it have left. An agreement never changes: it\n" +
			"can be ended, and another one made.",
		Example: "  souk agreements create acme 'Partner 2027' --percent 12.5 --from 2027-01-01 --to 2028-01-01\n" +
			"  souk agreements create acme Start --amount 50 --from 2027-01-01 --service postgresql\n" +
			"  souk agreements create acme Volume --tier 1000=0 --tier 5000=5 --tier rest=10 --from 2027-01-01",
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	f.StringVar(&in.Percent, "percent", "", "so many per cent, such as 12.5")
	f.StringVar(&in.Amount, "amount", "", "an amount for each calendar month, such as 50")
	f.StringArrayVar(&tiers, "tier", nil, "so many per cent of what a month comes to up to an amount: `UPTO=PERCENT`; the last one rest=PERCENT")
	f.StringVar(&in.From, "from", "", "the first `DAY`, such as 2027-01-01")
	f.StringVar(&in.To, "to", "", "the `DAY` on which it does not hold any more (default: it has no end)")
	f.StringVar(&in.Service, "service", "", "of one service only")
	f.StringVar(&in.Plan, "plan", "", "of one plan of the service only")
	f.StringVar(&in.Item, "item", "", "of one item only, such as compute")
	must(cmd.MarkFlagRequired("from"))
	cmd.MarkFlagsOneRequired("percent", "amount", "tier")
	cmd.MarkFlagsMutuallyExclusive("percent", "amount", "tier")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		in.Organization, in.Name = args[0], args[1]
		switch {
		case in.Percent != "":
			in.Kind = "percent"
		case in.Amount != "":
			in.Kind = "amount"
		default:
			in.Kind = "volume"
		}
		for _, text := range tiers {
			tier, ok := api.ParseAgreementTier(text)
			if !ok {
				return misuse("--tier %s: write it as UPTO=PERCENT, such as 1000=5, and the last one as rest=10", text)
			}
			in.Tiers = append(in.Tiers, tier)
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		g, err := c.Operator().CreateAgreement(ctx, in)
		if err != nil {
			return err
		}
		return a.result(o, "agreement/"+g.ID, fmt.Sprintf("with %s: %s of %s from %s", g.Organization, discountText(g), coveredText(g), g.From), g)
	})
	return cmd
}

func newAgreementEnd(a *App) *cobra.Command {
	var in api.AgreementEnd
	cmd := &cobra.Command{
		Use:   "end ID --to DAY --reason TEXT",
		Short: "End an agreement earlier than it would (operator)",
		Long:  "Ends an agreement earlier than it would. That cannot be taken back; another one can be made.\nWith the day on which it begins it never held.",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&in.To, "to", "", "the `DAY` on which it does not hold any more")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why; the customer can read it")
	must(cmd.MarkFlagRequired("to"))
	must(cmd.MarkFlagRequired("reason"))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		g, err := c.Operator().EndAgreement(ctx, strings.TrimPrefix(args[0], "agreement/"), in)
		if err != nil {
			return err
		}
		return a.result(o, "agreement/"+g.ID, "ends on "+g.To, g)
	})
	return cmd
}
