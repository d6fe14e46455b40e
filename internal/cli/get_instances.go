package cli

import (
	"context"
	"fmt"

	"souk/api"
	"souk/api/client"
)

// instanceDocument is an instance as `apply` reads it.
type instanceDocument struct {
	Kind string `json:"kind"`
	api.Instance
}

func document(i api.Instance) instanceDocument { return instanceDocument{"Instance", i} }

func listInstances(ctx context.Context, a *App, name string, opt getOptions) (view, error) {
	if name != "" {
		return oneInstance(ctx, a, name)
	}
	all, where, err := a.instances(ctx, opt)
	if err != nil {
		return view{}, err
	}
	v := view{table: instanceTable(opt.all), empty: noInstances(where, opt)}
	documents := []instanceDocument{}
	for _, i := range all {
		documents = append(documents, document(i))
		v.names = append(v.names, "instance/"+i.Metadata.Name)
		v.table.add(a.instanceRow(i, opt.all)...)
	}
	v.value = listed(documents)
	if v.names == nil {
		v.names = []string{}
	}
	return v, nil
}

func oneInstance(ctx context.Context, a *App, name string) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	i, _, err := project.Instance(ctx, name)
	if err != nil {
		return view{}, err
	}
	v := view{value: document(i), names: []string{"instance/" + name}, table: instanceTable(false)}
	v.table.add(a.instanceRow(i, false)...)
	return v, nil
}

// instances lists them and says where.
func (a *App) instances(ctx context.Context, opt getOptions) ([]api.Instance, string, error) {
	choose := client.ListOptions{Labels: opt.labels, Text: opt.text}
	if opt.all {
		c, _, err := a.connect()
		if err != nil {
			return nil, "", err
		}
		all, err := c.Operator().Instances(ctx, choose)
		return all, "any organization", err
	}
	project, err := a.inProject(ctx)
	if err != nil {
		return nil, "", err
	}
	all, err := project.Instances(ctx, choose)
	return all, project.Organization + "/" + project.Name, err
}

func noInstances(where string, opt getOptions) string {
	if len(opt.labels) > 0 || opt.text != "" {
		return fmt.Sprintf("No such instances in %s", where)
	}
	if opt.all {
		return "No instances in any organization"
	}
	return fmt.Sprintf("No instances in %s. Order one with: souk order postgresql db1", where)
}

func instanceTable(all bool) *table {
	header := []string{"NAME", "SERVICE", "PLAN", "STORAGE", "ZONE", "PHASE", "ENDPOINT", "AGE"}
	if all {
		header = append([]string{"ORGANIZATION", "PROJECT"}, header...)
	}
	return newTable(header...)
}

func (a *App) instanceRow(i api.Instance, all bool) []string {
	row := []string{
		i.Metadata.Name, i.Spec.Service, dash(i.Spec.Plan), gibibytes(i.Spec.StorageGiB), dash(i.Spec.Zone),
		phase(i), endpoint(i.Status.Endpoint), a.age(i.Metadata.CreatedAt),
	}
	if all {
		row = append([]string{i.Metadata.Organization, i.Metadata.Project}, row...)
	}
	return row
}

// phase shows the phase, and what is worth knowing beside it.
func phase(i api.Instance) string {
	text := string(i.Status.Phase)
	for _, c := range i.Status.Conditions {
		if c.Type == "ZoneReachable" && !c.Status {
			return text + ", zone unreachable"
		}
	}
	return text
}
