package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api/client"
)

func newBillingInvoices(a *App) *cobra.Command {
	var which client.InvoiceSearch
	cmd := &cobra.Command{
		Use:   "invoices [NUMBER]",
		Short: "Show invoices and credit notes of all organizations (operator)",
		Long: "Show invoices and credit notes of all organizations, newest first; with a number, the\n" +
			"lines of one.",
		Example: "  souk billing invoices --state overdue\n  souk billing invoices --of acme --month 2026-11\n  souk billing invoices 2026-000012",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&which.Organization, "of", "", "of this organization only")
	cmd.Flags().StringVar(&which.Month, "month", "", "of this month, such as 2026-11")
	cmd.Flags().StringVar(&which.State, "state", "", "open, partly-paid, paid, overdue, written-off or credited")
	cmd.Flags().StringVar(&which.Kind, "kind", "", "invoice or credit-note (default: both)")
	cmd.Flags().StringVar(&which.Number, "search", "", "a part of the number")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		if len(args) == 1 {
			i, err := c.Operator().Invoice(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(o, view{value: i, text: invoiceText(i.InvoiceDetail)})
		}
		list, err := c.Operator().Invoices(ctx, which)
		if err != nil {
			return err
		}
		t := newTable("NUMBER", "ORGANIZATION", "KIND", "MONTH", "ISSUED", "DUE", "CURRENCY", "AMOUNT", "CREDITED", "STATE")
		for _, i := range list {
			t.add(i.Number, i.Organization, i.Kind, i.Month, i.IssuedOn, dash(i.DueOn), i.Currency, i.Gross, dash(i.Credited), paymentState(i.Invoice))
		}
		return a.show(o, view{value: listed(list), table: t, empty: "There is none."})
	})
	return cmd
}
