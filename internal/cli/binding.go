package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newBinding(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "binding", Short: "Manage sets of credentials to an instance"}
	cmd.AddCommand(newBindingCreate(a), newBindingList(a), newBindingRotate(a), newBindingRevoke(a))
	return cmd
}

func newBindingCreate(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "create INSTANCE BINDING",
		Short:             "Make another set of credentials",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: first(a.completeInstances),
	}
	wait := bindingWaitFlag(cmd)
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		instance, err := instanceName(args[0])
		if err != nil {
			return err
		}
		project, err := a.inProject(ctx)
		if err != nil {
			return err
		}
		b, err := project.CreateBinding(ctx, instance, api.BindingCreate{Name: args[1]})
		if err != nil {
			return err
		}
		if b, err = a.waitForBinding(ctx, project, b, *wait); err != nil {
			return err
		}
		if err := a.result(o, "binding/"+b.Metadata.Name, "created", b); err != nil {
			return err
		}
		a.progress("Use it with: souk credentials %s --binding %s", instance, b.Metadata.Name)
		return nil
	})
	return cmd
}

func newBindingList(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "list INSTANCE",
		Short:             "List an instance's bindings",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		instance, err := instanceName(args[0])
		if err != nil {
			return err
		}
		v, err := listBindings(ctx, a, instance, getOptions{})
		if err != nil {
			return err
		}
		return a.show(o, v)
	})
	return cmd
}

func newBindingRotate(a *App) *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate INSTANCE BINDING",
		Short: "Give a binding a new log-in and password",
		Long: "Give a binding a new log-in and password. The old ones go on working for the\n" +
			"overlap, so that applications can be moved over one by one.",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBindings,
	}
	wait := bindingWaitFlag(cmd)
	cmd.Flags().DurationVar(&overlap, "overlap", time.Hour, "how long the old log-in goes on working, at most 168h")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		if overlap < 0 || overlap%time.Second != 0 {
			return misuse("--overlap is a number of whole seconds, such as 90s or 24h; 0 ends the old log-in at once")
		}
		instance, err := instanceName(args[0])
		if err != nil {
			return err
		}
		project, err := a.inProject(ctx)
		if err != nil {
			return err
		}
		seconds := int64(overlap / time.Second)
		b, err := project.RotateBinding(ctx, instance, args[1], api.BindingRotate{OverlapSeconds: &seconds})
		if err != nil {
			return err
		}
		if b, err = a.waitForBinding(ctx, project, b, *wait); err != nil {
			return err
		}
		if err := a.result(o, "binding/"+args[1], "rotated", b); err != nil {
			return err
		}
		if b.OldUntil != nil {
			a.progress("The log-in before works until %s", moment(*b.OldUntil))
		}
		return nil
	})
	return cmd
}

func bindingWaitFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("wait", false, "wait until the new log-in can be used")
}

// waitForBinding waits, if asked to, until the instance has taken the binding's
// change in, and returns the binding as it then is.
func (a *App) waitForBinding(ctx context.Context, project *client.Project, b api.Binding, wait bool) (api.Binding, error) {
	if !wait {
		return b, nil
	}
	instance, _, err := project.Instance(ctx, b.Instance)
	if err != nil {
		return b, err
	}
	if _, err := a.wait(ctx, project, instance, toReady("")); err != nil {
		return b, err
	}
	return project.Binding(ctx, b.Instance, b.Metadata.Name)
}

func newBindingRevoke(a *App) *cobra.Command {
	return &cobra.Command{
		Use:               "revoke INSTANCE BINDING",
		Short:             "End a binding and its sessions; what it made in the instance stays",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeBindings,
		RunE: a.bounded(func(ctx context.Context, args []string) error {
			instance, err := instanceName(args[0])
			if err != nil {
				return err
			}
			project, err := a.inProject(ctx)
			if err != nil {
				return err
			}
			if err := project.RevokeBinding(ctx, instance, args[1]); err != nil {
				return err
			}
			return a.done("binding/%s revoked", args[1])
		}),
	}
}
