package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newMaintenancePlanned(a *App) *cobra.Command {
	var zone, service string
	var all bool
	cmd := &cobra.Command{
		Use:   "planned",
		Short: "List restarts that are planned or under way in all zones (the operator's staff)",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVar(&zone, "zone", "", "only of instances in this zone")
	cmd.Flags().StringVar(&service, "service", "", "only of this service's")
	cmd.Flags().BoolVar(&all, "all", false, "those that have ended, too")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		query := url.Values{}
		for name, value := range map[string]string{"zone": zone, "service": service} {
			if value != "" {
				query.Set(name, value)
			}
		}
		if all {
			query.Set("all", "true")
		}
		list, err := c.Operator().Restarts(ctx, query, 0)
		if err != nil {
			return err
		}
		return a.show(o, view{value: listed(list), table: restartsTable(list), names: restartNames(list), empty: "No restart is planned"})
	})
	return cmd
}

func newMaintenanceWithdraw(a *App) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "withdraw ID...",
		Short: "Take back restarts that the operator has planned (the operator's staff)",
		Long:  "Take back restarts that the operator has planned. Their people are told by mail at\nonce. What has begun is left as it is, and said.",
		Args:  cobra.MinimumNArgs(1),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in the words that the instances' people are told")
	must(cmd.MarkFlagRequired("reason"))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		want := api.MaintenanceWithdrawal{Reason: reason}
		for _, id := range args {
			want.IDs = append(want.IDs, strings.TrimPrefix(id, "maintenance/"))
		}
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		out, err := c.Operator().WithdrawMaintenance(ctx, want)
		if err != nil {
			return err
		}
		var said strings.Builder
		for _, m := range out.Withdrawn {
			fmt.Fprintf(&said, "maintenance/%s withdrawn\n", m.ID)
		}
		for _, m := range out.Left {
			fmt.Fprintf(&said, "maintenance/%s is %s, and left as it is\n", m.ID, m.State)
		}
		return a.show(o, view{value: out, names: restartNames(out.Withdrawn), text: said.String()})
	})
	return cmd
}

func restartNames(list []api.OperatorMaintenance) []string {
	names := []string{}
	for _, m := range list {
		names = append(names, "maintenance/"+m.ID)
	}
	return names
}

func restartsTable(list []api.OperatorMaintenance) *table {
	t := newTable("ORGANIZATION", "INSTANCE", "ZONE", "SERVICE", "FROM", "STATE", "PLANNED BY", "FOR", "ID")
	for _, m := range list {
		t.add(m.Organization, m.Project+"/"+m.Instance, m.Zone, m.Service, moment(m.From), m.State, m.PlannedBy, m.Title, m.ID)
	}
	return t
}
