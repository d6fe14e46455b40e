package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newCosts(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "costs",
		Short: "Show what months have cost, and what the running one will",
		Long: "Shows what months have cost by service, plan, project, zone, instance, item, day, month or\n" +
			"label=KEY. The forecast is what the running month will have cost at its end if all that runs\n" +
			"now goes on as it is, and meters count on as on average in the hours that are complete.\n" +
			"\"souk get cost\" has the single lines, and \"souk costs explain\" what they are made of.",
		Example: "  souk costs --by project --month 2026-11\n" +
			"  souk costs --by label=team --from 2026-01 --to 2026-06 -o csv > costs.csv",
		Args: cobra.NoArgs,
	}
	var opt client.CostOptions
	var month string
	f := cmd.Flags()
	f.StringVar(&opt.By, "by", "service", "what to group by: service, plan, project, zone, instance, item, day, month or label=KEY")
	f.StringVar(&month, "month", "", "a month such as 2026-11 (default: that of now)")
	f.StringVar(&opt.From, "from", "", "the first of several months")
	f.StringVar(&opt.To, "to", "", "the last of several months (default: that of now)")
	f.StringVar(&opt.Service, "service", "", "of one service only")
	f.StringVar(&opt.Plan, "plan", "", "of one plan only")
	f.StringVar(&opt.Zone, "zone", "", "of one zone only")
	f.StringVar(&opt.Instance, "instance", "", "of one instance only")
	f.StringVar(&opt.Item, "item", "", "of one item only, such as storage")
	f.StringVarP(&opt.Labels, "selector", "l", "", "of instances with these labels only: k=v,k2=v2")
	f.IntVar(&opt.Limit, "limit", 100, "how many groups to show, the dearest first (csv has all)")
	must(cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"service", "plan", "project", "zone", "instance", "item", "day", "month", "label="}, cobra.ShellCompDirectiveNoSpace)))
	cmd.MarkFlagsMutuallyExclusive("month", "from")
	cmd.MarkFlagsMutuallyExclusive("month", "to")
	out := outputFlag(cmd, "table", "json", "yaml", "csv")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		if month != "" {
			opt.From, opt.To = month, month
		}
		opt.Project = a.project
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		if out.format == "csv" {
			table, err := organization.CostReportCSV(ctx, opt)
			if err != nil {
				return err
			}
			_, err = a.Out.Write(table)
			return err
		}
		report, err := organization.CostReport(ctx, opt)
		if err != nil {
			return err
		}
		if out.format == "table" {
			a.progress("Costs of %s in %s, up to %s (days and months in %s)", organization.Name, monthsOf(report), moment(report.Until), report.TimeZone)
		}
		if report.Gaps != nil && out.format == "table" {
			a.progress("What meters counted is not known to be complete in %d stretches of time: what was used in them is in no line (souk usage NAME)", report.Gaps.Count)
		}
		return a.show(out, view{value: report, table: costTable(report)})
	})
	cmd.AddCommand(newCostsExplain(a))
	return cmd
}

func monthsOf(r api.CostReport) string {
	if r.From == r.To {
		return r.To
	}
	return r.From + " to " + r.To
}

// costTable has the groups and their total, and the forecast where there is one.
func costTable(r api.CostReport) *table {
	var head []string
	if r.By == "instance" {
		head = append(head, "PROJECT")
	}
	head = append(head, strings.ToUpper(strings.TrimPrefix(r.By, "label=")), "AMOUNT")
	if r.Forecast != nil {
		head = append(head, "FORECAST")
	}
	t := newTable(head...)
	add := func(project, name string, amounts api.Money, forecast *api.Money) {
		row := []string{name, amount(amounts)}
		if r.By == "instance" {
			row = append([]string{dash(project)}, row...)
		}
		if r.Forecast != nil {
			text := "-"
			if forecast != nil {
				text = amount(*forecast)
			}
			row = append(row, text)
		}
		t.add(row...)
	}
	for _, g := range r.Groups {
		name := dash(g.Name)
		switch {
		case g.Discount:
			name = "discount"
		case g.Gone:
			name += " (removed)"
		}
		add(g.Project, name, g.Amount, g.Forecast)
	}
	if o := r.Others; o != nil {
		add("", fmt.Sprintf("%d others", o.Count), o.Amount, o.Forecast)
	}
	add("", "TOTAL", r.Total, r.Forecast)
	return t
}
