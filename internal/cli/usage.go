package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/internal/bytesize"
)

func newUsage(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "usage NAME",
		Short:             "Show what was counted of an instance",
		Long:              "Shows what the meters of an instance have counted in a month, and of which times that is not known:\nno data is not zero. With --hours, each hour.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	period := cmd.Flags().String("period", "", "a month such as 2026-11 (default: that of now)")
	hours := cmd.Flags().Bool("hours", false, "show each hour")
	out := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		is, err := project.Usage(ctx, name, *period)
		if err != nil {
			return err
		}
		return a.show(out, view{value: is, names: []string{"instance/" + name}, text: usageText(is, *hours)})
	})
	return cmd
}

func usageText(is api.Usage, hours bool) string {
	if len(is.Meters) == 0 {
		return "The instance's service has no meters: nothing of it is billed by what is counted.\n"
	}
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%-20s %s\n", name+":", value) }
	line("Period", is.Period+" ("+is.TimeZone+")")
	for _, m := range is.Meters {
		line(m.Title, counted(m.Quantity, m.Unit))
		if hours {
			for _, h := range m.Hours {
				line("  "+h.From.Format(time.RFC3339), counted(h.Quantity, m.Unit))
			}
		}
		for _, g := range m.Gaps {
			line("  not known", g.From.Format(time.RFC3339)+" to "+g.To.Format(time.RFC3339))
		}
	}
	return text.String()
}

// counted is a quantity for people.
func counted(quantity int64, unit string) string {
	if unit == "byte" {
		return bytesize.Text(quantity)
	}
	return strconv.FormatInt(quantity, 10) + " × " + unit
}
