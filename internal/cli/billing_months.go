package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"souk/api"
	"souk/api/client"
)

func newBillingProfile(a *App) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "profile",
		Short:   "Show, or set from a file, whom the organization's invoices are made out to",
		Long:    "Show whom the organization's invoices are made out to. With -f it is set from a file, which\n\"souk billing profile -o yaml\" writes; it holds for invoices that are issued from then on.",
		Example: "  souk billing profile -o yaml > profile.yaml\n  souk billing profile -f profile.yaml",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&file, "filename", "f", "", "the file with the details; - is standard input")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		var p api.BillingProfile
		if file != "" {
			if err := a.readDetails(file, &p); err != nil {
				return err
			}
			p, err = organization.SetBillingProfile(ctx, p)
		} else {
			p, err = organization.BillingProfile(ctx)
		}
		if err != nil {
			return err
		}
		t := newTable("FIELD", "VALUE")
		for _, f := range [][2]string{{"name", p.Name}, {"street", p.Street}, {"building", p.Building}, {"postalCode", p.PostalCode}, {"town", p.Town}, {"country", p.Country}, {"vatId", p.VATID},
			{"email", p.Email}, {"language", p.Language}, {"reference", p.Reference}} {
			t.add(f[0], dash(f[1]))
		}
		return a.show(o, view{value: p, table: t})
	})
	return cmd
}

// readDetails reads a file of YAML or JSON, in which there is nothing that is not known.
func (a *App) readDetails(file string, into any) error {
	content, err := a.contentOf(file)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	return nil
}

func newBillingIssuer(a *App) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "issuer",
		Short:   "Show, or set from a file, the company that issues invoices (operator)",
		Long:    "Show the company that issues invoices. With -f it is set from a file, which \"souk billing\nissuer -o yaml\" writes; it holds for invoices that are issued from then on. Setting it the\nfirst time begins the closing of months, from firstMonth on.",
		Example: "  souk billing issuer -f issuer.yaml",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVarP(&file, "filename", "f", "", "the file with the details; - is standard input")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		var i api.Issuer
		if file != "" {
			if err := a.readDetails(file, &i); err != nil {
				return err
			}
			i, err = c.Operator().SetIssuer(ctx, i)
		} else {
			i, err = c.Operator().Issuer(ctx)
		}
		if err != nil {
			return err
		}
		t := newTable("FIELD", "VALUE")
		for _, f := range [][2]string{{"name", i.Name}, {"street", i.Street}, {"building", i.Building}, {"postalCode", i.PostalCode}, {"town", i.Town}, {"country", i.Country}, {"vatId", i.VATID}, {"iban", i.IBAN},
			{"bic", i.BIC}, {"email", i.Email}, {"currency", i.Currency}, {"timeZone", i.TimeZone}, {"paymentDays", strconv.Itoa(i.PaymentDays)}, {"graceHours", strconv.Itoa(i.GraceHours)}, {"firstMonth", i.FirstMonth}} {
			t.add(f[0], dash(f[1]))
		}
		return a.show(o, view{value: i, table: t})
	})
	return cmd
}

func newBillingRuns(a *App) *cobra.Command {
	var of, show string
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "Show which months were closed, are held or have failed (operator)",
		Example: "  souk billing runs --show held",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&of, "of", "", "of this organization only")
	cmd.Flags().StringVar(&show, "show", "", "held, failed or open (default: all)")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().InvoiceRuns(ctx, of, show)
		if err != nil {
			return err
		}
		return a.show(o, view{value: listed(list), table: runsTable(list), empty: "There is none."})
	})
	return cmd
}

func runsTable(list []api.InvoiceRun) *table {
	t := newTable("ORGANIZATION", "MONTH", "STATE", "INVOICE", "AMOUNT", "LACKS", "ERROR")
	for _, r := range list {
		amount := r.Gross
		if amount != "" {
			amount = r.Currency + " " + amount
		}
		t.add(r.Organization, r.Month, r.State, dash(r.Number), dash(amount), dash(r.Held), dash(r.Error))
	}
	return t
}

func newBillingClose(a *App) *cobra.Command {
	return newBillingMonth(a, "close", "Close an organization's month that is over, without waiting for the grace (operator)", (*client.Operator).CloseMonth)
}

func newBillingRetry(a *App) *cobra.Command {
	return newBillingMonth(a, "retry", "Have a close that is held or has failed tried again at once (operator)", (*client.Operator).RetryMonth)
}

// newBillingMonth is a command that does something with an organization's month.
func newBillingMonth(a *App, name, short string, do func(*client.Operator, context.Context, api.InvoiceRetry) (api.InvoiceRun, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " ORGANIZATION MONTH",
		Short: short,
		Args:  cobra.ExactArgs(2),
	}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		run, err := do(c.Operator(), ctx, api.InvoiceRetry{Organization: args[0], Month: args[1]})
		if err != nil {
			return err
		}
		return a.show(o, view{value: run, table: runsTable([]api.InvoiceRun{run})})
	})
	return cmd
}

func newBillingCredit(a *App) *cobra.Command {
	var order api.CreditNoteOrder
	var lines []int
	cmd := &cobra.Command{
		Use:   "credit INVOICE",
		Short: "Credit an invoice, or a part of it (operator)",
		Long: "Credit an invoice: lines of it, an amount without tax that is split over its lines, or all\n" +
			"that is left. Each line goes back taxed as it was, and the customer is mailed.",
		Example: "  souk billing credit 2026-000012 --line 3 --reason \"an outage\"",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().IntSliceVar(&lines, "line", nil, "a line to give back whole; can be repeated")
	cmd.Flags().StringVar(&order.Amount, "amount", "", "an amount without tax, split over the lines")
	cmd.Flags().StringVar(&order.Reason, "reason", "", "why, for the customer and the books")
	dryRun := cmd.Flags().Bool("dry-run", false, "only show the credit note that would be issued")
	must(cmd.MarkFlagRequired("reason"))
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		order.Invoice = args[0]
		for _, l := range lines {
			order.Lines = append(order.Lines, api.CreditNoteLine{Line: l})
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		issue := c.Operator().CreditInvoice
		if *dryRun {
			issue = c.Operator().PreviewCredit
		}
		note, err := issue(ctx, order)
		if err != nil {
			return err
		}
		return a.show(o, view{value: note, text: invoiceText(note)})
	})
	return cmd
}
