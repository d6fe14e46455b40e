package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api"
)

func newProject(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "project", Short: "Make and delete projects"}
	cmd.AddCommand(newProjectCreate(a), &cobra.Command{
		Use:               "delete NAME",
		Short:             "Delete a project without instances",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeProjects),
		RunE:              a.bounded(func(ctx context.Context, args []string) error { return a.deleteProject(ctx, args[0]) }),
	})
	return cmd
}

func newProjectCreate(a *App) *cobra.Command {
	var display string
	cmd := &cobra.Command{Use: "create NAME", Short: "Make a project", Args: cobra.ExactArgs(1)}
	cmd.Flags().StringVar(&display, "display-name", "", "a name for people")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		organization, _, err := a.inOrganization(ctx)
		if err != nil {
			return err
		}
		p, err := organization.CreateProject(ctx, api.ProjectCreate{Name: args[0], DisplayName: display})
		if err != nil {
			return err
		}
		return a.result(o, "project/"+p.Metadata.Name, "created", p)
	})
	return cmd
}

func (a *App) deleteProject(ctx context.Context, name string) error {
	organization, _, err := a.inOrganization(ctx)
	if err != nil {
		return err
	}
	if err := organization.DeleteProject(ctx, name); err != nil {
		return err
	}
	return a.done("project/%s deleted", name)
}
