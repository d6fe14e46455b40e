package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
)

func newSLA(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "sla NAME",
		Short:             "Show how available an instance was",
		Long:              "Shows for how much of a month an instance was available, its error budget, and when it was down.\nTimes that were not measured count neither as up nor as down. \"souk sla report\" is of all instances.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	period := cmd.Flags().String("period", "", "a month such as 2026-11 (default: that of now)")
	out := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		is, err := project.Availability(ctx, name, *period)
		if err != nil {
			return err
		}
		return a.show(out, view{value: is, names: []string{"instance/" + name}, text: availabilityText(is)})
	})
	cmd.AddCommand(newSLAReport(a), newSLAReports(a), newSLABurning(a))
	return cmd
}

func newSLAReport(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "report",
		Short:   "Show an organization's SLA report of a month",
		Long:    "Shows how available all instances of the organization were in a month. The report is made from the\nrecord as it was known at a watermark; the same watermark gives the same report. -o signed is checked by \"souk verify\".",
		Example: "  souk sla report --period 2026-11 -o pdf > report.pdf",
		Args:    cobra.NoArgs,
	}
	period := cmd.Flags().String("period", "", "a month such as 2026-11 (default: that of now)")
	at := cmd.Flags().String("watermark", "", "what was recorded until then is in the report, such as 2026-12-01T00:10:00Z (default: the newest that can be had)")
	out := outputFlag(cmd, "table", "json", "yaml", "pdf", "signed")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		watermark, err := watermarkOf(*at)
		if err != nil {
			return err
		}
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		if file, ok := reportFiles[out.format]; ok {
			content, err := organization.SLAReportFile(ctx, *period, file, watermark)
			if err != nil {
				return err
			}
			_, err = a.Out.Write(content)
			return err
		}
		report, err := organization.SLAReport(ctx, *period, watermark)
		if err != nil {
			return err
		}
		return a.show(out, view{value: report, table: reportTable(report), empty: "No instance was to serve in this month."})
	})
	return cmd
}

func newSLAReports(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reports",
		Short: "List the SLA reports that were made when a month was over",
		Long:  "Lists the SLA reports that were made, and mailed, a day after each month's end. \"souk sla report\n--period P --watermark W\" makes the same report again.",
		Args:  cobra.NoArgs,
	}
	out := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		list, err := organization.SLAReports(ctx)
		if err != nil {
			return err
		}
		t := newTable("PERIOD", "WATERMARK", "INSTANCES", "MISSED", "SHA-256")
		for _, r := range list {
			t.add(r.Period, r.Watermark.Format(time.RFC3339Nano), strconv.Itoa(r.Instances), strconv.Itoa(r.Missed), r.SHA256)
		}
		return a.show(out, view{value: listed(list), table: t, empty: "No month is over yet in which an instance was to serve."})
	})
	return cmd
}

func newSLABurning(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "burning [ID]",
		Short: "Show which instances use their error budgets up too fast (operator)",
		Long:  "Shows all instances, of whatever organization, that use their error budgets up too fast; with an\nID, what to do about that one.",
		Args:  cobra.MaximumNArgs(1),
	}
	past := cmd.Flags().Bool("past", false, "those of the last 30 days that do not any more, too")
	out := outputFlag(cmd, "table", "json", "yaml")
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		if len(args) == 1 {
			page, err := c.Operator().BurnRunbook(ctx, args[0])
			if err != nil {
				return err
			}
			return a.show(out, view{value: page, text: page.Text})
		}
		list, err := c.Operator().Burns(ctx)
		if err != nil {
			return err
		}
		if !*past {
			list = slices.DeleteFunc(list, func(b api.Burn) bool { return b.EndedAt != nil })
		}
		return a.show(out, view{value: listed(list), table: burnTable(list), empty: "No error budget is used up too fast."})
	})
	return cmd
}

func burnTable(list []api.Burn) *table {
	t := newTable("ZONE", "ORGANIZATION", "PROJECT", "NAME", "LEVEL", "PRIORITY", "RATE", "DOWN", "WITHIN", "SINCE", "UNTIL", "ID")
	for _, b := range list {
		until := "-"
		if b.EndedAt != nil {
			until = moment(*b.EndedAt)
		}
		t.add(b.Zone, b.Organization, b.Project, b.Instance, b.ServiceLevel, b.Priority, fmt.Sprintf("%.1f", b.Rate), seconds(b.DownSeconds), seconds(float64(b.WindowSeconds)), moment(b.Since), until, b.ID)
	}
	return t
}

// reportFiles are by how a report is asked for.
var reportFiles = map[string]string{"pdf": "report.pdf", "signed": "report.jws"}

func watermarkOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, errors.New("write the watermark as 2026-12-01T00:10:00Z")
	}
	return at, nil
}

func reportTable(r api.SLAReport) *table {
	t := newTable("PROJECT", "NAME", "SERVICE", "LEVEL", "OBJECTIVE", "AVAILABLE", "DOWN", "BUDGET LEFT", "NO DATA", "MET")
	for _, i := range r.Instances {
		t.add(i.Project, i.Name, i.Service, i.ServiceLevel, share(i.Objective), share(i.Availability), seconds(i.Seconds.Down), budgetLeft(i.SLAResult), seconds(i.Seconds.NoData), met(i.SLAResult))
	}
	return t
}

// availabilityText says what an instance's month comes to.
func availabilityText(is api.Availability) string {
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%-20s %s\n", name+":", value) }
	line("Period", is.Period+" ("+is.TimeZone+")")
	line("Up to", is.Until.Format("2006-01-02 15:04:05 MST"))
	if is.NotMeasured != "" {
		line("Not measured", is.NotMeasured)
		return text.String()
	}
	line("Service level", is.ServiceLevel)
	line("Objective", share(is.Objective))
	line("Available", share(is.Availability))
	line("Objective met", met(is.SLAResult))
	line("Error budget left", budgetLeft(is.SLAResult))
	line("Up", seconds(is.Seconds.Up))
	line("Down", seconds(is.Seconds.Down))
	line("Agreed maintenance", seconds(is.Seconds.Agreed))
	line("Not measured", seconds(is.Seconds.NoData))
	for _, i := range is.Intervals {
		if i.State == "down" || i.State == "agreed-maintenance" {
			line("  "+i.State, i.From.Format(time.RFC3339)+" for "+seconds(i.To.Sub(i.From).Seconds()))
		}
	}
	return text.String()
}

func share(percent string) string {
	if percent == "" {
		return "-"
	}
	return percent + " %"
}

func seconds(n float64) string {
	return time.Duration(n * float64(time.Second)).Round(100 * time.Millisecond).String()
}

func budgetLeft(r api.SLAResult) string {
	if r.Budget == nil {
		return "-"
	}
	return seconds(r.Budget.Left) + " of " + seconds(r.Budget.Seconds)
}

func met(r api.SLAResult) string {
	if r.Met == nil {
		return "-"
	}
	return map[bool]string{true: "yes", false: "no"}[*r.Met]
}
