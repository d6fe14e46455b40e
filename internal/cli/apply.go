package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newApply(a *App) *cobra.Command {
	var file string
	var dryRun, wait bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make instances be as a file says, ordering what is not there",
		Long: "Make instances be as a file says. A document is the whole spec: what it does\n" +
			"not mention takes its default. Nothing is ever deleted. Unless all documents\n" +
			"can be accepted, none is applied.\n\n" +
			"  kind: Instance\n  metadata:\n    name: db1\n    labels: {app: shop}\n" +
			"  spec:\n    service: postgresql\n    plan: small",
		Example: "  souk apply -f db1.yaml --wait\n  souk get db1 -o yaml | souk apply -f - --dry-run",
		Args:    cobra.NoArgs,
	}
	fileFlag(cmd, &file)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would change and cost")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is done")
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, _ []string) error {
		plans, err := a.planned(ctx, file)
		if err != nil {
			return err
		}
		if dryRun {
			return a.showPlanned(o, plans)
		}
		return a.apply(ctx, o, plans, wait)
	})
	return cmd
}

func fileFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "filename", "f", "", "file with documents in YAML or JSON; - is standard input")
	must(cmd.MarkFlagRequired("filename"))
	must(cmd.MarkFlagFilename("filename", "yaml", "yml", "json"))
}

// planned is a manifest with what it would do.
type planned struct {
	manifest
	at      *client.Project
	preview api.Preview
}

// planned reads a file and asks for each document what it would do.
func (a *App) planned(ctx context.Context, file string) ([]planned, error) {
	manifests, err := a.readManifests(file)
	if err != nil {
		return nil, err
	}
	base, _, err := a.connect()
	if err != nil {
		return nil, err
	}
	force, err := a.inProject(ctx)
	if err != nil {
		return nil, err
	}
	var plans []planned
	var refused error
	for _, m := range manifests {
		p := planned{manifest: m, at: a.projectOf(base, force, m)}
		if p.preview, err = p.at.PreviewPut(ctx, m.name, m.put()); err != nil {
			if !isRefusal(err) {
				return nil, err
			}
			refused = errors.Join(refused, errors.New(m.name+": "+a.explain(err)))
		}
		plans = append(plans, p)
	}
	if refused != nil {
		return nil, fmt.Errorf("%w\nNothing has been changed", refused)
	}
	return plans, nil
}

func isRefusal(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status != 401 && refused.Status < 500
}

func (a *App) apply(ctx context.Context, o *output, plans []planned, wait bool) error {
	instances := make([]api.Instance, len(plans))
	for i, p := range plans {
		switch p.preview.Action {
		case "create":
			a.progress("%s", priceLine(p.name, p.spec.Service, p.preview))
		case "update":
			if moves(p.preview.Cost) {
				a.progress("%s", changeLine(p.name, p.preview))
			}
		}
		put := p.put()
		put.AcceptedPriceList = p.preview.PriceList
		var err error
		if instances[i], err = p.at.Put(ctx, p.name, put, ""); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if !wait {
			done := map[string]string{"create": "ordered", "update": "updated"}[p.preview.Action]
			if done == "" {
				done = "is like that already"
			}
			if err := a.applied(o, instances[i], done); err != nil {
				return err
			}
		}
	}
	if wait {
		return a.waitForAll(ctx, o, plans, instances)
	}
	return nil
}

func (a *App) waitForAll(ctx context.Context, o *output, plans []planned, instances []api.Instance) error {
	var failed error
	g := toReady("")
	for i, p := range plans {
		instance, err := a.wait(ctx, p.at, instances[i], g)
		if err != nil {
			failed = errors.Join(failed, errors.New(a.explain(err)))
			continue
		}
		if err := a.applied(o, instance, g.done(instance)); err != nil {
			return err
		}
	}
	return failed
}

// applied reports one of several instances, as one document of a stream.
func (a *App) applied(o *output, i api.Instance, done string) error {
	if o.format == "yaml" {
		fmt.Fprintln(a.Out, "---")
	}
	return a.result(o, "instance/"+i.Metadata.Name, done, document(i))
}

func (a *App) showPlanned(o *output, plans []planned) error {
	if o.format == "table" {
		for _, p := range plans {
			fmt.Fprint(a.Out, previewText(p.name, p.at.Organization+"/"+p.at.Name, p.preview))
		}
		a.progress("This was a dry run: nothing has been changed.")
		return nil
	}
	type named struct {
		Name string `json:"name"`
		api.Preview
	}
	v := view{names: []string{}}
	previews := []named{}
	for _, p := range plans {
		v.names = append(v.names, "instance/"+p.name)
		previews = append(previews, named{p.name, p.preview})
	}
	v.value = listed(previews)
	return a.show(o, v)
}
