package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newWriteOffs(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "write-offs",
		Short: "List what is given up of invoices; propose it, and decide on what others propose",
		Long: "List what is given up of invoices, or proposed to be. One person proposes it and\n" +
			"another approves it; a token stands for the person who made it.",
		Example: "  souk billing write-offs propose 2026-000012 --reason \"they are bankrupt\"\n  souk billing write-offs approve ID",
		Args:    cobra.NoArgs,
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		list, err := c.Operator().WriteOffs(ctx)
		if err != nil {
			return err
		}
		v := view{value: listed(list), names: []string{}, empty: "Nothing is written off, or proposed to be",
			table: newTable("ID", "INVOICE", "ORGANIZATION", "AMOUNT", "STATE", "PROPOSED BY", "DECIDED BY", "REASON")}
		for _, w := range list {
			v.names = append(v.names, "write-off/"+w.ID)
			v.table.add(w.ID, w.Invoice, w.Organization, w.Currency+" "+w.Amount, writeOffState(w), w.ProposedBy, cmp.Or(w.ReversedBy, dash(w.DecidedBy)), w.Reason)
		}
		return a.show(o, v)
	})
	cmd.AddCommand(newWriteOffPropose(a),
		newWriteOffDecide(a, "approve", "Write off what somebody else has proposed", (*client.Operator).ApproveWriteOff),
		newWriteOffDecide(a, "refuse", "Refuse a proposal, or take your own back", (*client.Operator).RefuseWriteOff),
		newWriteOffReverse(a))
	return cmd
}

// writeOffState is how a write-off stands, with what was recovered of it.
func writeOffState(w api.WriteOff) string {
	if w.State == "approved" && w.Recovered != "0.00" {
		return "approved, " + w.Recovered + " recovered"
	}
	return w.State
}

func newWriteOffPropose(a *App) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "propose INVOICE --reason TEXT",
		Short: "Propose to write off what an invoice has open",
		Long:  "Propose to write off what an invoice has open. Nothing is posted until somebody else\nhas approved it, and its customer is reminded meanwhile.",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the customer does not see it")
	must(cmd.MarkFlagRequired("reason"))
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		w, err := c.Operator().ProposeWriteOff(ctx, api.WriteOffPropose{Invoice: args[0], Reason: reason})
		if err != nil {
			return err
		}
		return a.done("write-off/%s proposed: %s %s of invoice %s; somebody else has to approve it", w.ID, w.Currency, w.Amount, w.Invoice)
	})
	return cmd
}

func newWriteOffDecide(a *App, verb, short string, do func(*client.Operator, context.Context, string) (api.WriteOff, error)) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1)}
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		w, err := do(c.Operator(), ctx, args[0])
		if err != nil {
			return err
		}
		return a.done("write-off/%s of invoice %s is now %s", w.ID, w.Invoice, w.State)
	})
	return cmd
}

func newWriteOffReverse(a *App) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "reverse ID --reason TEXT",
		Short: "Take a write-off back: what was not paid since is open again",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept")
	must(cmd.MarkFlagRequired("reason"))
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		w, err := c.Operator().ReverseWriteOff(ctx, args[0], reason)
		if err != nil {
			return err
		}
		return a.done("write-off/%s of invoice %s is now %s", w.ID, w.Invoice, w.State)
	})
	return cmd
}
