package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"souk/api"
	"souk/api/client"
)

func listBindings(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := project.Bindings(ctx, name)
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), names: []string{}, table: newTable("NAME", "LOGIN", "PHASE", "OLD LOGIN UNTIL", "AGE"), empty: "No bindings to " + name}
	for _, b := range all {
		until := "-"
		if b.OldUntil != nil {
			until = moment(*b.OldUntil)
		}
		v.names = append(v.names, "binding/"+b.Metadata.Name)
		v.table.add(b.Metadata.Name, b.Login, b.Phase, until, a.age(b.Metadata.CreatedAt))
	}
	return v, nil
}

func listEvents(ctx context.Context, a *App, name string, opt getOptions) (view, error) {
	project, err := a.inProject(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := project.Events(ctx, name, opt.limit)
	if err != nil {
		return view{}, err
	}
	return view{value: listed(all), table: eventTable(all), empty: "No events of " + name}, nil
}

func eventTable(events []api.Event) *table {
	t := newTable("AT", "KIND", "BY", "MESSAGE")
	for _, e := range events {
		t.add(moment(e.At), e.Kind, dash(e.Actor), e.Message)
	}
	return t
}

func listAudit(ctx context.Context, a *App, _ string, opt getOptions) (view, error) {
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return view{}, err
	}
	all, err := o.Audit(ctx, client.AuditOptions{Limit: opt.limit, Action: opt.action, Kind: opt.kind, Text: opt.text})
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), table: newTable("AT", "ACTOR", "ACTION", "OBJECT", "PROJECT", "DETAILS"), empty: "No such audit records"}
	for _, r := range all {
		v.table.add(moment(r.At), r.Actor, r.Action, dash(r.Object), dash(r.Project), details(r.Details))
	}
	return v, nil
}

func details(d map[string]any) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(d)) {
		out = append(out, key+"="+shown(d[key]))
	}
	return dash(strings.Join(out, " "))
}

func listCost(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	cost, err := a.cost(ctx, name)
	if err != nil {
		return view{}, err
	}
	t := newTable("PROJECT", "INSTANCE", "ITEM", "PLAN", "QUANTITY", "PRICE", "AMOUNT")
	for _, l := range cost.Lines {
		t.add(dash(l.Project), dash(l.Instance), itemText(l), dash(l.Plan), l.Quantity+" "+l.Unit, amount(l.Price), amount(l.Amount))
	}
	t.add("TOTAL", "", "", "", "", "", amount(cost.Total))
	for _, c := range cost.Coming {
		a.progress("From %s on it costs %s an hour, %s in the first month (price list %d).", moment(c.From), amount(c.Price.Hour), amount(c.Price.Month), c.PriceList)
	}
	return view{value: cost, table: t}, nil
}

// cost asks for an instance's cost, for that of the project when --project says
// so, or else for the organization's.
func (a *App) cost(ctx context.Context, instance string) (api.Cost, error) {
	if instance != "" {
		project, err := a.inProject(ctx)
		if err != nil {
			return api.Cost{}, err
		}
		return project.Cost(ctx, instance)
	}
	o, _, err := a.inOrganization(ctx)
	if err != nil {
		return api.Cost{}, err
	}
	cost, err := o.Cost(ctx, a.project)
	if err != nil {
		return cost, err
	}
	a.progress("%s, up to %s (months in %s)", fmt.Sprintf("Cost of %s in %s", o.Name, cost.Month), moment(cost.Until), cost.TimeZone)
	return cost, nil
}
