package cli

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newOrder(a *App) *cobra.Command {
	f := &specFlags{}
	cmd := &cobra.Command{
		Use:   "order SERVICE NAME",
		Short: "Order an instance of a service",
		Long: "Order an instance of a service. Its price is shown and accepted with the\norder. " +
			"Without --plan it is the cheapest one, without --zone the first that\noffers the service.",
		Example: "  souk order postgresql db1 --wait\n" +
			"  souk order postgresql db1 --plan medium --storage 20 --set work_mem=8192 --dry-run",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: first(a.completeServices),
	}
	f.common(a, cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.zone, "zone", "", "where it runs")
	flags.StringVar(&f.level, "service-level", "", "best-effort or guaranteed")
	flags.BoolVar(&f.noProtect, "no-protect", false, "allow it to be deleted without souk unprotect first")
	must(cmd.RegisterFlagCompletionFunc("zone", a.completeZones))
	must(cmd.RegisterFlagCompletionFunc("service-level",
		cobra.FixedCompletions([]string{"best-effort", "guaranteed"}, cobra.ShellCompDirectiveNoFileComp)))
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		return a.order(ctx, cmd, f, o, args[0], args[1])
	})
	return cmd
}

func (a *App) order(ctx context.Context, cmd *cobra.Command, f *specFlags, o *output, service, arg string) error {
	name, err := instanceName(arg)
	if err != nil {
		return err
	}
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	w, err := f.wanted(cmd, parametersOf(ctx, c, service))
	if err != nil {
		return err
	}
	order, err := orderOf(service, name, w)
	if err != nil {
		return err
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	preview, err := project.PreviewOrder(ctx, order)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.showPreview(o, project, name, preview)
	}
	a.progress("%s", priceLine(name, service, preview))
	order.AcceptedPriceList = preview.PriceList
	instance, err := project.Order(ctx, order)
	if err != nil {
		return err
	}
	return a.conclude(ctx, o, project, instance, f.wait, toReady("ordered"))
}

func orderOf(service, name string, w wanted) (api.InstanceOrder, error) {
	w.spec["service"] = service
	var order api.InstanceOrder
	text, err := json.Marshal(w.patch())
	if err != nil {
		return order, err
	}
	err = json.Unmarshal(text, &order)
	order.Metadata.Name = name
	return order, err
}

func (a *App) showPreview(o *output, project *client.Project, name string, p api.Preview) error {
	err := a.show(o, view{
		value: p, names: []string{"instance/" + name},
		text: previewText(name, project.Organization+"/"+project.Name, p),
	})
	if err == nil {
		a.progress("This was a dry run: nothing has been changed.")
	}
	return err
}

// conclude reports an accepted change, after waiting for it where that is asked
// for.
func (a *App) conclude(ctx context.Context, o *output, project *client.Project, instance api.Instance, wait bool, g goal) error {
	name := instance.Metadata.Name
	if !wait {
		err := a.result(o, "instance/"+name, g.accepted, document(instance))
		if err == nil && !g.reached(instance) {
			a.progress("Follow it with: souk get %s -w", name)
		}
		return err
	}
	instance, err := a.wait(ctx, project, instance, g)
	if err != nil {
		return err
	}
	return a.result(o, "instance/"+name, g.done(instance), document(instance))
}
