package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newReconcile(a *App) *cobra.Command {
	var last bool
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Hold the books against each other (exit code 1 on any difference)",
		Long: "Hold billing chains, what was rated of them, invoices and the ledger against each\n" +
			"other now, as is done every hour, or show what came of it last (--last).",
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&last, "last", false, "only show what came of it last, and how the closing of months went")
	o := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		if last {
			return a.showReconciliations(ctx, o)
		}
		r, err := c.Operator().Reconcile(ctx)
		if err != nil {
			return err
		}
		if err := a.show(o, view{value: r, text: reconciliationText(r)}); err != nil {
			return err
		}
		if r.Differences > 0 {
			return fmt.Errorf("the books differ in %d places", r.Differences)
		}
		return nil
	})
	return cmd
}

func (a *App) showReconciliations(ctx context.Context, o *output) error {
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	all, err := c.Operator().Reconciliations(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	if len(all.Items) == 0 {
		b.WriteString("The books were not held against each other yet.\n")
	} else {
		b.WriteString(reconciliationText(all.Items[0]))
	}
	if len(all.Automation) > 0 {
		b.WriteString("\n")
		t := newTable("MONTH", "CLOSED ALONE", "OF", "SUCCESS", "HELD", "FAILED")
		for _, m := range all.Automation {
			t.add(m.Month, fmt.Sprint(m.Alone), fmt.Sprint(m.Runs), m.Success+" %", fmt.Sprint(m.Held), fmt.Sprint(m.Failed))
		}
		_ = t.write(&b)
	}
	return a.show(o, view{value: all, text: b.String()})
}

func reconciliationText(r api.Reconciliation) string {
	var b strings.Builder
	t := newTable("CHECK", "COMPARED", "DIFFER")
	for _, c := range r.Checks {
		t.add(c.Name, fmt.Sprint(c.Looked), fmt.Sprint(c.Differs))
	}
	fmt.Fprintf(&b, "At %s:\n", moment(r.At))
	_ = t.write(&b)
	for _, c := range r.Checks {
		for _, p := range c.Problems {
			fmt.Fprintf(&b, "%s: %s\n", c.Name, p)
		}
	}
	if r.Differences == 0 {
		b.WriteString("No differences.\n")
	}
	return b.String()
}
