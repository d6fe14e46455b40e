package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"souk/internal/cli/config"
)

func newContext(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "context", Short: "Choose which server, organization and project to work with"}
	cmd.AddCommand(newContextList(a), newContextUse(a))
	return cmd
}

func newContextList(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the contexts", Args: cobra.NoArgs}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(context.Context, []string) error {
		path, err := config.Path(a.Getenv)
		if err != nil {
			return err
		}
		file, err := config.Load(path)
		if err != nil {
			return err
		}
		return a.show(o, contextView(file, path))
	})
	return cmd
}

// contextView shows contexts without their tokens.
func contextView(file *config.File, path string) view {
	type shownContext struct {
		config.Context
		Token    string `json:"token,omitempty"` // hides the one of the context
		Current  bool   `json:"current"`
		SignedIn bool   `json:"signedIn"`
	}
	v := view{
		names: []string{},
		table: newTable("CURRENT", "NAME", "SERVER", "ORGANIZATION", "PROJECT", "SIGNED IN"),
		empty: "No contexts in " + path + ". Make one with: souk login --server URL",
	}
	all := []shownContext{}
	for _, c := range file.Contexts {
		s := shownContext{Context: c, Current: c.Name == file.Current, SignedIn: c.Token != ""}
		s.Context.Token = ""
		mark, signedIn := "", "no"
		if s.Current {
			mark = "*"
		}
		if s.SignedIn {
			signedIn = "yes"
		}
		all = append(all, s)
		v.names = append(v.names, c.Name)
		v.table.add(mark, c.Name, c.Server, dash(c.Organization), dash(c.Project), signedIn)
	}
	v.value = listed(all)
	return v
}

func newContextUse(a *App) *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Make a context the current one",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeContexts),
		RunE: a.bounded(func(_ context.Context, args []string) error {
			path, err := config.Path(a.Getenv)
			if err != nil {
				return err
			}
			var used config.Context
			err = config.Update(path, func(f *config.File) error {
				var ok bool
				if used, ok = f.Context(args[0]); !ok {
					return misuse("there is no context %s; there are: %s", args[0], orNone(f.Names()))
				}
				f.Current = used.Name
				return nil
			})
			if err != nil {
				return err
			}
			a.progress("Context %s is current: %s", used.Name, strings.Join([]string{dash(used.Organization), dash(used.Project), used.Server}, ", "))
			return nil
		}),
	}
}
