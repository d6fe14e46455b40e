package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newRestore(a *App) *cobra.Command {
	f := &specFlags{}
	var to, backup, at string
	var inPlace, yes bool
	cmd := &cobra.Command{
		Use:   "restore NAME (--to NEW | --in-place --yes)",
		Short: "Restore an instance's backup, as a new instance or in place",
		Long: "Restore an instance's backup as a new instance, as it was at the end of a\nbackup or at a point in time. The new one has log-ins of its own, and is like\n" +
			"the old one but for what you say. The old one stays as it is; it may have been\nremoved for good.\n\n" +
			"With --in-place the instance itself is restored, which is interrupted for that:\nwhat there is now is backed up first, the data from before comes back where what\n" +
			"is restored cannot serve, and its address stays. What was changed since then is\nin that backup only, which is why --yes is asked for.",
		Example: "  souk restore db1 --time 2026-11-21T22:15:00Z --to db2 --wait\n  souk restore db1 --backup ID --to db2 --plan medium --dry-run\n" +
			"  souk restore db1 --time 2026-11-21T22:15:00Z --in-place --yes --wait",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	f.common(a, cmd)
	flags := cmd.Flags()
	flags.StringVar(&to, "to", "", "name of the new instance")
	flags.StringVar(&backup, "backup", "", "restore the state at the end of this backup; `ID` as souk get backups shows it")
	flags.StringVar(&at, "time", "", "restore the state at this `TIME`, such as 2026-11-21T22:15:00Z")
	flags.BoolVar(&f.noProtect, "no-protect", false, "allow it to be deleted without souk unprotect first")
	flags.BoolVar(&inPlace, "in-place", false, "restore the instance itself")
	flags.BoolVar(&yes, "yes", false, "with --in-place: give up what was changed since")
	cmd.MarkFlagsOneRequired("to", "in-place")
	cmd.MarkFlagsMutuallyExclusive("to", "in-place")
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
		if inPlace {
			return a.restoreInPlace(ctx, o, from, yes, f.wait)
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

func (a *App) restoreInPlace(ctx context.Context, o *output, from api.RestoreFrom, yes, wait bool) error {
	if !yes {
		return misuse("what was changed in %s since then is not in it any more afterwards, only in a backup that is taken first; say --yes if that is meant", from.Instance)
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	w, err := project.RestoreInPlace(ctx, from.Instance, api.RestoreInPlace{Backup: from.Backup, Time: from.Time, Confirm: from.Instance})
	if err != nil {
		return err
	}
	a.progress("What there is now is backed up first, as %s", w.SafetyBackup)
	if !wait {
		return a.result(o, "restore/"+w.ID, "asked for; look with: souk get restores "+w.Instance, w)
	}
	if w, err = a.awaitRestore(ctx, project, w); err != nil {
		return err
	}
	return a.result(o, "instance/"+w.Instance, "is restored in place", w)
}

// awaitRestore follows a restore in place until it is over.
func (a *App) awaitRestore(ctx context.Context, project *client.Project, w api.InPlaceRestore) (api.InPlaceRestore, error) {
	told := ""
	for _, err := range project.WatchInstance(ctx, w.Instance) {
		if err != nil {
			return w, fmt.Errorf("cannot see how the restore is doing; it goes on: %w", err)
		}
		if w, err = project.InPlaceRestore(ctx, w.Instance, w.ID); err != nil {
			return w, err
		}
		if w.State != told {
			told = w.State
			a.progress("restore of %s: %s", w.Instance, w.State)
		}
		switch w.State {
		case "completed":
			return w, nil
		case "failed":
			return w, fmt.Errorf("the restore of %s has failed, and its data is as it was before: %s", w.Instance, w.Message)
		}
	}
	return w, fmt.Errorf("the restore of %s is not over yet; it goes on. Look with: souk get restores %s", w.Instance, w.Instance)
}

func listRestores(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := project.InPlaceRestores(ctx, name)
	if err != nil {
		return view{}, err
	}
	v := view{value: all, names: []string{}, table: newTable("ID", "STATE", "ASKED FOR", "AS OF", "BACKUP", "SAFETY BACKUP"), empty: "No restores in place of " + name}
	for _, w := range all.Items {
		of := "end of the backup"
		if w.Time != nil {
			of = moment(*w.Time)
		}
		v.names = append(v.names, "restore/"+w.ID)
		v.table.add(w.ID, w.State, moment(w.CreatedAt), of, w.Backup, w.SafetyBackup)
	}
	return v, nil
}
