package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
)

func newRestore(a *App) *cobra.Command {
	f := &specFlags{}
	var to, backup, at string
	cmd := &cobra.Command{
		Use:   "restore NAME --to NEW",
		Short: "Restore an instance's backup as a new instance",
		Long: "Restore an instance's backup as a new instance, as it was at the end of a\nbackup or at a point in time. The new one has log-ins of its own, and is like\n" +
			"the old one but for what you say. The old one stays as it is; it may have been\nremoved for good.",
		Example:           "  souk restore db1 --time 2026-11-21T22:15:00Z --to db2 --wait\n  souk restore db1 --backup ID --to db2 --plan medium --dry-run",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	f.common(a, cmd)
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "name of the new instance")
	flags.StringVar(&backup, "backup", "", "restore the state at the end of this backup; `ID` as souk get backups shows it")
	flags.StringVar(&at, "time", "", "restore the state at this `TIME`, such as 2026-11-21T22:15:00Z")
	flags.BoolVar(&f.noProtect, "no-protect", false, "allow it to be deleted without souk unprotect first")
	must(cmd.MarkFlagRequired("to"))
	cmd.MarkFlagsOneRequired("backup", "time")
	cmd.MarkFlagsMutuallyExclusive("backup", "time")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		name, err := instanceName(args[0])
		if err != nil {
			return err
		}
		from := api.RestoreFrom{Instance: name, Backup: backup}
		if at != "" {
			t, err := time.Parse(time.RFC3339, at)
			if err != nil {
				return misuse("--time %s is not a time such as 2026-11-21T22:15:00Z", at)
			}
			from.Time = &t
		}
		return a.restore(ctx, cmd, f, o, from, to)
	})
	return cmd
}

func (a *App) restore(ctx context.Context, cmd *cobra.Command, f *specFlags, o *output, from api.RestoreFrom, to string) error {
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	w, err := f.wanted(cmd, func() (schemaNode, error) {
		old, _, err := project.Instance(ctx, from.Instance)
		if err != nil {
			return schemaNode{}, err
		}
		return parametersOf(ctx, c, old.Spec.Service)()
	})
	if err != nil {
		return err
	}
	order, err := orderOf("", to, w)
	if err != nil {
		return err
	}
	order.RestoreFrom = &from
	preview, err := project.PreviewOrder(ctx, order)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.showPreview(o, project, to, preview)
	}
	a.progress("%s", priceLine(to, "", preview))
	order.AcceptedPriceList = preview.PriceList
	instance, err := project.Order(ctx, order)
	if err != nil {
		return err
	}
	return a.conclude(ctx, o, project, instance, f.wait, toReady("is being restored"))
}
