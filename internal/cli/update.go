package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api/client"
)

func newUpdate(a *App) *cobra.Command {
	f := &specFlags{}
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change an instance: its plan, storage, parameters, allow-list, names",
		Example: "  souk update db1 --plan medium --dry-run\n" +
			"  souk update db1 --set work_mem=8192 --wait\n" +
			"  souk update db1 --plan medium --in-window\n" +
			"  souk update db1 --window \"Sun 03:00 Europe/Zurich\"\n" +
			"  souk update db1 --allow 192.0.2.0/24 --allow 2001:db8::/32",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	f.common(a, cmd)
	cmd.Flags().StringArrayVar(&f.unset, "unset", nil, "take a parameter back to its default")
	cmd.Flags().BoolVar(&f.inWindow, "in-window", false, "make the change in the next maintenance window")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		return a.update(ctx, cmd, f, o, args[0])
	})
	return cmd
}

func (a *App) update(ctx context.Context, cmd *cobra.Command, f *specFlags, o *output, arg string) error {
	name, err := instanceName(arg)
	if err != nil {
		return err
	}
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	w, err := f.wanted(cmd, func() (schemaNode, error) {
		instance, _, err := project.Instance(ctx, name)
		if err != nil {
			return schemaNode{}, err
		}
		return parametersOf(ctx, c, instance.Spec.Service)()
	})
	if err != nil {
		return err
	}
	patch := w.patch()
	if len(patch) == 0 {
		return misuse("nothing to change was given: say --plan, --storage, --set, --allow, --window, --label or --display-name")
	}
	look := project.PreviewPatch
	if f.inWindow {
		look = project.PreviewPatchInWindow
	}
	preview, err := look(ctx, name, patch)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.showPreview(o, project, name, preview)
	}
	if moves(preview.Cost) {
		a.progress("%s", changeLine(name, preview))
	}
	for _, effect := range preview.Effects {
		a.progress("%s: %s", name, effect)
	}
	if f.inWindow {
		return a.putOff(ctx, o, project, name, patch)
	}
	instance, err := project.Patch(ctx, name, patch, "")
	if err != nil {
		return err
	}
	accepted := "updated"
	if preview.Action == "none" {
		accepted = "is like that already"
	}
	return a.conclude(ctx, o, project, instance, f.wait, toReady(accepted))
}

// putOff has a change made in the next window.
func (a *App) putOff(ctx context.Context, o *output, project *client.Project, name string, patch map[string]any) error {
	if _, err := project.PatchInWindow(ctx, name, patch); err != nil {
		return err
	}
	all, err := project.Maintenance(ctx, name, 1)
	if err != nil || len(all) == 0 {
		return err
	}
	return a.result(o, "maintenance/"+all[0].ID, "planned for "+moment(all[0].From), all[0])
}
