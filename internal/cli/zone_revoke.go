package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api"
)

func newZoneRevoke(a *App) *cobra.Command {
	var revoke api.ZoneRevoke
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Cut a zone's agent off",
		Long: "Cut a zone's agent off: its certificate is refused from then on, and so are enrolment\n" +
			"tokens that have not been used. What runs in the zone goes on running. To bring the\n" +
			"zone back, enrol an agent again: souk zone enrol NAME.",
		Example:           "  souk zone revoke geneva --reason \"a disk with its key was lost\"",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeZones),
	}
	cmd.Flags().StringVar(&revoke.Reason, "reason", "", "why, for the operator's staff")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		z, err := c.Operator().RevokeZone(ctx, args[0], revoke)
		if err != nil {
			return err
		}
		a.progress("What runs there goes on running. Bring the zone back with: souk zone enrol %s", args[0])
		return a.result(o, "zone/"+args[0], "cut off", z)
	})
	return cmd
}
