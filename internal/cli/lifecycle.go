package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

// action is one request about an instance that takes nothing but its name.
type action struct {
	use, short string
	do         func(ctx context.Context, project *client.Project, name string) (api.Instance, error)
	goal       goal
	reason     *string // where the action takes --reason
}

func newAction(a *App, act action) *cobra.Command {
	cmd := &cobra.Command{
		Use:               act.use + " NAME",
		Short:             act.short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeInstances),
	}
	wait := cmd.Flags().Bool("wait", false, "wait until it is done")
	if act.reason != nil {
		cmd.Flags().StringVar(act.reason, "reason", "", "user, or (the operator) budget, dunning, abuse")
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		instance, err := act.do(ctx, project, name)
		if err != nil {
			return err
		}
		return a.conclude(ctx, o, project, instance, *wait, act.goal)
	})
	return cmd
}

// atOnce is the goal of a change that is done when it is accepted.
func atOnce(done string) goal {
	return goal{
		accepted: done,
		reached:  func(api.Instance) bool { return true },
		done:     func(api.Instance) string { return done },
	}
}

func newProtect(a *App) *cobra.Command {
	return newAction(a, action{use: "protect", short: "Refuse to delete an instance", goal: atOnce("is protected from deletion"),
		do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
			return p.Protect(ctx, name)
		}})
}

func newUnprotect(a *App) *cobra.Command {
	return newAction(a, action{use: "unprotect", short: "Allow an instance to be deleted", goal: atOnce("can be deleted now"),
		do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
			return p.Unprotect(ctx, name)
		}})
}

func newSuspend(a *App) *cobra.Command {
	var reason string
	return newAction(a, action{use: "suspend", short: "Stop an instance and keep its data", goal: toSuspended(), reason: &reason,
		do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
			return p.Suspend(ctx, name, api.SuspendRequest{Reason: reason})
		}})
}

func newResume(a *App) *cobra.Command {
	var reason string
	return newAction(a, action{use: "resume", short: "Let a suspended instance run again", goal: toResumed(), reason: &reason,
		do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
			instance, err := p.Resume(ctx, name, api.SuspendRequest{Reason: reason})
			if err == nil && len(instance.Status.SuspendedFor) > 0 {
				return instance, fmt.Errorf("%s stays suspended for: %s", name, orNone(instance.Status.SuspendedFor))
			}
			return instance, err
		}})
}

func toResumed() goal {
	g := toReady("is being resumed")
	g.reached = func(i api.Instance) bool { return i.Status.Phase == api.PhaseReady && settled(i) }
	return g
}

func newUndelete(a *App) *cobra.Command {
	return newAction(a, action{use: "undelete", short: "Bring a deleted instance back with its data", goal: toReady("is being brought back"),
		do: func(ctx context.Context, p *client.Project, name string) (api.Instance, error) {
			return p.Undelete(ctx, name)
		}})
}
