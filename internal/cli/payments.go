package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newBillingImport(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import a bank's statement (camt.053) or notification (camt.054)",
		Long: "Import a bank's statement (camt.053) or notification (camt.054) of ISO 20022; - is\n" +
			"standard input. Payments are taken for the invoices whose creditor reference they\n" +
			"carry. A file is taken in whole or not at all; the same one again does nothing, and\n" +
			"a payment that two files tell of counts once.",
		Args: cobra.ExactArgs(1),
	}
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		content, err := a.contentOf(args[0])
		if err != nil {
			return err
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		out, err := c.Operator().ImportBankFile(ctx, content)
		if err != nil {
			return err
		}
		return a.show(o, view{value: out, text: importText(out)})
	})
	return cmd
}

// contentOf reads a file, or standard input where it is named -.
func (a *App) contentOf(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(a.In)
	}
	return os.ReadFile(file)
}

// findings are what payments were found to be, in words.
var findings = map[string]string{
	"matched": "paid in full", "part": "paid in part", "over": "paid too much", "again": "paid again", "unmatched": "unmatched",
	"currency": "in another currency", "written-off": "recovers a written-off invoice", "returned": "taken back", "outgoing": "no payment of a customer",
}

func importText(out api.BankImport) string {
	if out.Again {
		return fmt.Sprintf("%s %s was imported before, at %s: nothing was done\n", out.File.Kind, out.File.MessageID, moment(out.File.ImportedAt))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s imported; transactions: %d, known already: %d\n", out.File.Kind, out.File.MessageID, out.File.Transactions, out.File.Known)
	for _, f := range slices.Sorted(maps.Keys(out.Findings)) {
		fmt.Fprintf(&b, "%6d %s\n", out.Findings[f], findings[f])
	}
	return b.String()
}

func newPayments(a *App) *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:     "payments",
		Short:   "List payments, and say what those are for that nobody knows of",
		Example: "  souk billing payments --state unmatched\n  souk billing payments assign ID --invoice 2026-000012",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&state, "state", "", "unmatched: something of it is taken for nothing; over: too much was paid")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many, the newest first (1 to 500)")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().PaymentsPage(ctx, state, limit, "")
		if err != nil {
			return err
		}
		return a.show(o, paymentsView(list))
	})
	cmd.AddCommand(newPaymentAssign(a),
		newPaymentChange(a, "undo", "Take back what a payment was taken for", (*client.Operator).UndoPayment),
		newPaymentChange(a, "refund", "Mark a payment as sent back, or what of it was too much", (*client.Operator).RefundPayment))
	return cmd
}

func paymentsView(list api.List[api.Payment]) view {
	v := view{value: list, table: newTable("ID", "BOOKED", "AMOUNT", "REST", "STATE", "PAYER", "FOR", "PERHAPS FOR"), names: []string{}, empty: "No payments"}
	for _, p := range list.Items {
		v.names = append(v.names, "payment/"+p.ID)
		var perhaps []string
		for _, s := range p.Suggestions {
			perhaps = append(perhaps, s.Invoice)
		}
		v.table.add(p.ID, p.BookedOn, p.Currency+" "+p.Amount, p.Rest, p.State, p.Payer, takenText(p.Taken), strings.Join(perhaps, ", "))
	}
	return v
}

func takenText(taken []api.PaymentTaken) string {
	var said []string
	for _, t := range taken {
		what := t.Invoice
		if what == "" {
			what = "credit of " + t.Organization
		}
		said = append(said, what)
	}
	return strings.Join(said, ", ")
}

func newPaymentAssign(a *App) *cobra.Command {
	var to api.PaymentAssign
	cmd := &cobra.Command{
		Use:   "assign ID {--invoice NUMBER | --credit-of ORGANIZATION}",
		Short: "Take a payment for an invoice, or keep it as an organization's credit",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&to.Invoice, "invoice", "", "number of the invoice; what is more than it has open becomes credit")
	cmd.Flags().StringVar(&to.Organization, "credit-of", "", "organization whose credit it becomes")
	cmd.MarkFlagsOneRequired("invoice", "credit-of")
	cmd.MarkFlagsMutuallyExclusive("invoice", "credit-of")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		p, err := c.Operator().AssignPayment(ctx, args[0], to)
		if err != nil {
			return err
		}
		return a.done("payment/%s is taken for %s", p.ID, takenText(p.Taken))
	})
	return cmd
}

func newPaymentChange(a *App, verb, short string, do func(*client.Operator, context.Context, string, string) (api.Payment, error)) *cobra.Command {
	var reason string
	cmd := &cobra.Command{Use: verb + " ID --reason TEXT", Short: short, Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept")
	must(cmd.MarkFlagRequired("reason"))
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		p, err := do(c.Operator(), ctx, args[0], reason)
		if err != nil {
			return err
		}
		return a.done("payment/%s is now %s", p.ID, p.State)
	})
	return cmd
}
