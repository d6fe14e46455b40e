package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newCredits(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credits",
		Short: "Show what invoices gave back for months in which instances were less available",
		Long: "Shows what invoices gave back for months in which instances were less available than their\n" +
			"service level promises, with the SLA report that proves it. \"souk credits terms\" shows what\n" +
			"is given back below which availability.",
		Example: "  souk credits\n  souk credits --month 2026-11\n  souk credits terms",
		Args:    cobra.NoArgs,
	}
	month := cmd.Flags().String("month", "", "only of a month such as 2026-11")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		list, err := organization.ServiceCredits(ctx, *month)
		if err != nil {
			return err
		}
		t := newTable("MONTH", "PROJECT", "INSTANCE", "AVAILABLE", "BELOW", "GIVES BACK", "OF", "AMOUNT", "INVOICE")
		for _, c := range list {
			t.add(c.Month, c.Project, c.Instance, share(c.Availability), share(c.Below), share(c.Percent), c.Charged, c.Currency+" "+c.Amount, c.Invoice)
		}
		return a.show(o, view{value: listed(list), table: t, empty: "Nothing was given back."})
	})
	cmd.AddCommand(newCreditsTerms(a))
	return cmd
}

func newCreditsTerms(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "terms", Short: "Show what is given back below which availability", Args: cobra.NoArgs}
	month := cmd.Flags().String("month", "", "in a month such as 2026-11 (default: that of now)")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		list, err := organization.CreditTerms(ctx, *month)
		if err != nil {
			return err
		}
		return a.show(o, view{value: listed(list), table: termsTable(list), empty: "Nothing is given back."})
	})
	return cmd
}

// termsTable has a line for each tier.
func termsTable(list []api.CreditTerms) *table {
	t := newTable("LEVEL", "AGREED WITH", "REVISION", "FROM", "BELOW", "GIVES BACK", "AT MOST")
	for _, terms := range list {
		of := "all"
		if terms.Organization != "" {
			of = terms.Organization
		}
		tiers := terms.Tiers
		if len(tiers) == 0 {
			tiers = []api.CreditTier{{}}
		}
		for _, tier := range tiers {
			t.add(terms.ServiceLevel, of, fmt.Sprint(terms.Revision), terms.FromMonth, share(tier.Below), share(tier.Percent), share(terms.Cap))
		}
	}
	return t
}

func newBillingCredits(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "credits", Short: "List what invoices of all organizations gave back for unavailable instances", Args: cobra.NoArgs}
	month := cmd.Flags().String("month", "", "only of a month such as 2026-11")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().ServiceCredits(ctx, *month)
		if err != nil {
			return err
		}
		t := newTable("MONTH", "ORGANIZATION", "PROJECT", "INSTANCE", "LEVEL", "AVAILABLE", "OF", "AMOUNT", "INVOICE")
		for _, c := range list {
			t.add(c.Month, c.Organization, c.Project, c.Instance, c.ServiceLevel, share(c.Availability), c.Charged, c.Currency+" "+c.Amount, c.Invoice)
		}
		return a.show(o, view{value: listed(list), table: t, empty: "Nothing was given back."})
	})
	return cmd
}

func newCreditTerms(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "credit-terms", Short: "List what is given back below which availability; publish new terms", Args: cobra.NoArgs}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().CreditTerms(ctx)
		if err != nil {
			return err
		}
		return a.show(o, view{value: listed(list), table: termsTable(list), empty: "Nothing is given back."})
	})
	cmd.AddCommand(newCreditTermsPublish(a))
	return cmd
}

func newCreditTermsPublish(a *App) *cobra.Command {
	var spec api.CreditTermsSpec
	var tiers []string
	cmd := &cobra.Command{
		Use:   "publish --service-level LEVEL",
		Short: "Say what is given back of a service level",
		Long: "Publishes a revision of what is given back where instances of a service level were less\n" +
			"available: for all organizations, or for one that it was agreed with. It holds from the next\n" +
			"month on, or from the one that --from-month names; only where nothing holds yet, from this\n" +
			"month on. Without --tier nothing is given back any more.",
		Example: "  souk billing credit-terms publish --service-level best-effort --tier 99.5=10 --tier 95=50 --cap 50",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&spec.ServiceLevel, "service-level", "", "best-effort or guaranteed")
	f.StringVar(&spec.Organization, "organization", "", "the one that it was agreed with (default: all)")
	f.StringVar(&spec.FromMonth, "from-month", "", "the first month that it holds for, such as 2026-12")
	f.StringArrayVar(&tiers, "tier", nil, "what is given back below an availability, both in per cent, as `BELOW=PERCENT`; repeat it for more")
	f.StringVar(&spec.Cap, "cap", "", "give back at most so many per cent of what the month's instances of the level cost")
	must(cmd.MarkFlagRequired("service-level"))
	must(cmd.RegisterFlagCompletionFunc("service-level", cobra.FixedCompletions([]string{"best-effort", "guaranteed"}, cobra.ShellCompDirectiveNoFileComp)))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		spec.Tiers = []api.CreditTier{}
		for _, text := range tiers {
			below, percent, is := strings.Cut(text, "=")
			if !is {
				return fmt.Errorf("--tier %q is no BELOW=PERCENT such as 99.5=10", text)
			}
			spec.Tiers = append(spec.Tiers, api.CreditTier{Below: below, Percent: percent})
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		terms, err := c.Operator().PublishCreditTerms(ctx, spec)
		if err != nil {
			return err
		}
		return a.result(o, "credit-terms/"+terms.ServiceLevel, fmt.Sprintf("revision %d holds from %s on", terms.Revision, terms.FromMonth), terms)
	})
	return cmd
}
