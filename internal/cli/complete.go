package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api/client"
	"souk/internal/cli/config"
)

// completionTime bounds what a press of the tab key may take.
const completionTime = 2 * time.Second

type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// first completes the first argument only.
func first(complete completer) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, toComplete)
	}
}

// names completes what a listing knows; without a server it completes nothing.
func (a *App) names(toComplete, prefix string, ask func(ctx context.Context) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	a.Err, a.hurried = io.Discard, true // whoever types a line is not to be talked to
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	all, err := ask(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var fitting []string
	for _, name := range all {
		if strings.HasPrefix(prefix+name, toComplete) {
			fitting = append(fitting, prefix+name)
		}
	}
	return fitting, cobra.ShellCompDirectiveNoFileComp
}

// viewNames completes the names that `get` lists.
func (a *App) viewNames(k kind, of, toComplete, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.names(toComplete, prefix, func(ctx context.Context) ([]string, error) {
		v, err := k.list(ctx, a, of, getOptions{})
		var names []string
		for _, name := range v.names {
			_, name, _ = strings.Cut(name, "/")
			names = append(names, name)
		}
		return names, err
	})
}

func (a *App) completeKind(name string) completer {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		k, _ := findKind(name)
		return a.viewNames(k, "", toComplete, "")
	}
}

func (a *App) completeServices(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("service")(c, args, to)
}

func (a *App) completeZones(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("zone")(c, args, to)
}

func (a *App) completeInstances(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("instance")(c, args, to)
}

func (a *App) completeProjects(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("project")(c, args, to)
}

func (a *App) completeOrganizations(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("organization")(c, args, to)
}

func (a *App) completeMembers(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("member")(c, args, to)
}

func (a *App) completeTokens(c *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.completeKind("token")(c, args, to)
}

func (a *App) completeContexts(_ *cobra.Command, _ []string, to string) ([]string, cobra.ShellCompDirective) {
	return a.names(to, "", func(context.Context) ([]string, error) {
		path, err := config.Path(a.Getenv)
		if err != nil {
			return nil, err
		}
		file, err := config.Load(path)
		if err != nil {
			return nil, err
		}
		return file.Names(), nil
	})
}

// completePlans completes --plan of `order SERVICE` and of `update NAME`.
func (a *App) completePlans(cmd *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.names(to, "", func(ctx context.Context) ([]string, error) {
		c, _, err := a.connect()
		if err != nil {
			return nil, err
		}
		service := args[0]
		if cmd.Name() == "update" {
			if service, err = a.serviceOf(ctx, args[0]); err != nil {
				return nil, err
			}
		}
		return planNames(ctx, c, service)
	})
}

func (a *App) serviceOf(ctx context.Context, instance string) (string, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return "", err
	}
	i, _, err := project.Instance(ctx, instance)
	return i.Spec.Service, err
}

func planNames(ctx context.Context, c *client.Client, service string) ([]string, error) {
	s, err := c.Service(ctx, service)
	var names []string
	for _, p := range s.Plans {
		names = append(names, p.Name)
	}
	return names, err
}

// completeTargets completes KIND NAME, KIND/NAME and a bare instance name.
func (a *App) completeTargets(cmd *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	instance, _ := findKind("instance")
	word, _, slash := strings.Cut(to, "/")
	switch {
	case len(args) == 1, slash:
		prefix := ""
		if slash {
			prefix = word + "/"
		} else {
			word = args[0]
		}
		k, ok := findKind(word)
		if !ok || k.alone || k.of == "SERVICE" || len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if k.of != "" {
			k = instance
		}
		return a.viewNames(k, "", to, prefix)
	case len(args) > 1:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, directive := a.viewNames(instance, "", to, "")
	for _, name := range kindNames() {
		if strings.HasPrefix(name, to) {
			names = append(names, name)
		}
	}
	return names, directive
}

// completeBindings completes INSTANCE, then one of its bindings.
func (a *App) completeBindings(cmd *cobra.Command, args []string, to string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeInstances(cmd, args, to)
	case 1:
		k, _ := findKind("binding")
		return a.viewNames(k, args[0], to, "")
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
