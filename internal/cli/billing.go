package cli

import "github.com/spf13/cobra"

func newBilling(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "billing", Short: "See what is open, say whom invoices are made out to; close months and keep payments (operator)"}
	cmd.AddCommand(newBalance(a), newBillingProfile(a), newBillingIssuer(a), newBillingRuns(a), newBillingClose(a), newBillingRetry(a), newBillingCredit(a), newBillingInvoices(a), newBillingImport(a), newPayments(a), newDunning(a), newWriteOffs(a), newReconcile(a), newBillingCredits(a), newCreditTerms(a))
	return cmd
}
