package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMaintenancePlan(a *App) *cobra.Command {
	var plan api.MaintenancePlan
	var after string
	var dry bool
	cmd := &cobra.Command{
		Use:   "plan {INSTANCE-ID | --zone ZONE} --reason TEXT",
		Short: "Plan a restart of an instance's servers, or of all in a zone (the operator's staff)",
		Long: "Plan a restart of an instance's servers, or of those of each instance that runs in a\n" +
			"zone, as for a hole in its machines. It takes place in the window of each instance,\n" +
			"seven days from now at the earliest; urgent work at the time that is given, an hour\n" +
			"from now at the earliest. Their people are told by mail at once. In a zone those are\n" +
			"left out for which a restart is planned already.",
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&plan.Zone, "zone", "", "each instance that runs in this zone")
	cmd.Flags().StringVar(&plan.Service, "service", "", "beside --zone: only those of this service")
	cmd.Flags().StringVar(&plan.Reason, "reason", "", "what for, in the words that the instances' people are told")
	cmd.Flags().BoolVar(&plan.Urgent, "urgent", false, "outside of the window; it cannot be put off")
	cmd.Flags().StringVar(&after, "not-before", "", "not before this `TIME`, such as 2026-03-20T00:00:00Z")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be planned")
	must(cmd.MarkFlagRequired("reason"))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) (err error) {
		if len(args) == 1 == (plan.Zone != "") {
			return misuse("say the ID of an instance, or --zone")
		}
		if len(args) == 1 {
			plan.Instance = args[0]
		}
		if plan.NotBefore, err = momentFlag("not-before", after); err != nil {
			return err
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		do := c.Operator().PlanMaintenance
		if dry {
			do = c.Operator().PreviewMaintenance
		}
		out, err := do(ctx, plan)
		if err != nil {
			return err
		}
		return a.show(o, plannedView(out))
	})
	return cmd
}

// plannedView is what was planned, or would be: a line for one, a table for more.
func plannedView(out api.MaintenancePlanned) view {
	v := view{value: out}
	if out.Planned {
		v.names = []string{}
		for _, i := range out.Items {
			v.names = append(v.names, "maintenance/"+i.ID)
		}
	}
	switch {
	case len(out.Items)+len(out.LeftOut) == 0:
		v.empty = "No instance runs there"
	case out.Planned && len(out.Items) == 1 && len(out.LeftOut) == 0:
		v.text = v.names[0] + " planned for " + moment(out.Items[0].From) + "\n"
	default:
		v.text = plannedText(out)
	}
	return v
}

func plannedText(out api.MaintenancePlanned) string {
	var b strings.Builder
	said := "would be"
	if out.Planned {
		said = "were"
	}
	fmt.Fprintf(&b, "%d restarts %s planned; %d instances are left out\n", len(out.Items), said, len(out.LeftOut))
	t := newTable("ORGANIZATION", "INSTANCE", "SERVICE", "FROM", "UNTIL", "LEFT OUT")
	for _, i := range out.Items {
		t.add(i.Organization, i.Project+"/"+i.Instance, i.Service, moment(i.From), moment(i.Until), "")
	}
	for _, l := range out.LeftOut {
		t.add(l.Organization, l.Project+"/"+l.Instance, "", "", "", leftOut(l))
	}
	_ = t.write(&b)
	return b.String()
}

// leftOut says why a restart is not planned.
func leftOut(l api.MaintenanceLeftOut) string {
	switch {
	case l.Reason == "suspended":
		return "it is suspended, and starts anew when it is resumed"
	case l.Reason == "not-ready":
		return "it has not been ready yet"
	case l.PlannedFor != nil:
		return "a restart is planned already, for " + moment(*l.PlannedFor)
	}
	return l.Reason
}
