package cli

import (
	"context"

	"github.com/spf13/cobra"

	"souk/api"
)

func newProvider(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "provider", Short: "Let organizations offer something (operator)"}
	cmd.AddCommand(newProviderCreate(a))
	return cmd
}

func newProviderCreate(a *App) *cobra.Command {
	var p api.ProviderCreate
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Let an organization offer something",
		Long:    "Let an organization offer something, such as zones. The same again changes nothing.",
		Example: "  souk provider create local-cloud --of local-cloud --kind csp",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Organization, "of", "", "the organization that it is")
	flags.StringVar(&p.Kind, "kind", "csp", "operator, csp, msp, isv or partner")
	flags.StringVar(&p.Title, "title", "", "a name for people")
	must(cmd.MarkFlagRequired("of"))
	must(cmd.RegisterFlagCompletionFunc("of", a.completeOrganizations))
	must(cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"operator", "csp", "msp", "isv", "partner"}, cobra.ShellCompDirectiveNoFileComp)))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		c, _, err := a.connect()
		if err != nil {
			return err
		}
		p.Name = args[0]
		made, err := c.Operator().CreateProvider(ctx, p)
		if err != nil {
			return err
		}
		return a.result(o, "provider/"+made.Name, "created", made)
	})
	return cmd
}

func listProviders(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	all, err := c.Operator().Providers(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("provider", name, all, newTable("NAME", "TITLE", "KIND", "ORGANIZATION"),
		func(p api.Provider) string { return p.Name },
		func(p api.Provider) []string { return []string{p.Name, dash(p.Title), p.Kind, p.Organization} })
}
