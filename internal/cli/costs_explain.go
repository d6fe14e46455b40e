package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newCostsExplain(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain NAME [ITEM]",
		Short: "Show what the lines of an instance's running costs are made of",
		Long: "Shows the intervals that the lines of an instance's costs of this month are made of, with\n" +
			"what each adds to its line before anything is rounded, from all that is known now: of all\n" +
			"lines, or of those of an item, such as storage. \"souk get cost NAME\" lists them. Of a line\n" +
			"that a meter counted, --hour shows the events behind one of its hours.",
		Example:           "  souk costs explain db1\n  souk costs explain db1 storage\n  souk costs explain cache1 egress --hour 2026-11-05T10:00:00Z",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: first(a.completeInstances),
	}
	hour := cmd.Flags().String("hour", "", "show the events behind the hour that begins then")
	out := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		name, err := instanceName(args[0])
		if err != nil {
			return err
		}
		organization, c, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		cost, err := organization.Project(c.Project).Cost(ctx, name)
		if err != nil {
			return err
		}
		lines, err := costLines(cost, strings.Join(args[1:], ""))
		if err != nil {
			return err
		}
		all, texts := []api.Explanation{}, []string{}
		for _, l := range lines {
			e, err := wholeExplanation(func(p client.Part) (*api.Explanation, error) {
				e, err := organization.ExplainCost(ctx, c.Project, cost.Month, l.Key, p)
				return &e, err
			})
			if err != nil {
				return err
			}
			all, texts = append(all, *e), append(texts, costText(l, e))
		}
		if *hour != "" {
			return a.showEvents(ctx, out, organization, c.Project, all, *hour)
		}
		if len(all) == 0 {
			return a.show(out, view{value: listed(all), empty: "It has cost nothing this month."})
		}
		return a.show(out, view{value: listed(all), text: strings.Join(texts, "\n")})
	})
	return cmd
}

// costLines are the lines of an item, or ("") all, that have something behind them. What
// lacks to the minimum of an item is of that item too.
func costLines(cost api.Cost, item string) ([]api.CostLine, error) {
	var lines []api.CostLine
	var items []string
	for _, l := range cost.Lines {
		if l.Key == "" {
			continue
		}
		if items = append(items, l.Item); item == "" || item == l.Item || item == l.Of {
			lines = append(lines, l)
		}
	}
	if item != "" && len(lines) == 0 {
		slices.Sort(items)
		return nil, fmt.Errorf("it has no line of %q this month; there are: %s", item, orNone(slices.Compact(items)))
	}
	return lines, nil
}

func costText(l api.CostLine, e *api.Explanation) string {
	p := &page{}
	p.field("Line", strings.Join(slices.DeleteFunc([]string{l.Project + "/" + l.Instance, l.Plan, itemText(l)}, func(s string) bool { return s == "" }), ", "))
	p.field("Amount", amount(e.Amount))
	p.explanation(e, e.Amount.Currency)
	return p.String()
}
