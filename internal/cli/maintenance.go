package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"souk/api"
	"souk/api/client"
)

func newMaintenance(a *App) *cobra.Command {
	cmd := &cobra.Command{Use: "maintenance", Short: "Put planned work on instances off, approve it, have it done now"}
	cmd.AddCommand(newMaintenanceShow(a), newMaintenanceDefer(a))
	for _, c := range []struct {
		verb, short, said string
		do                func(p *client.Project, ctx context.Context, instance, id string) (api.Maintenance, error)
	}{
		{"run", "Have a maintenance done now, outside of the window", "begins now", (*client.Project).RunMaintenance},
		{"approve", "Agree to a maintenance as it is planned", "approved", (*client.Project).ApproveMaintenance},
		{"cancel", "Take back a change that was put off", "cancelled", (*client.Project).CancelMaintenance},
	} {
		cmd.AddCommand(a.onMaintenance(c.verb, c.short, func(ctx context.Context, p *client.Project, name, id string, o *output) error {
			m, err := c.do(p, ctx, name, id)
			if err != nil {
				return err
			}
			return a.result(o, "maintenance/"+m.ID, c.said, m)
		}))
	}
	cmd.AddCommand(newMaintenancePlan(a), newMaintenancePlanned(a), newMaintenanceWithdraw(a), newMaintenanceCalendar(a))
	return cmd
}

// onMaintenance is a command on one maintenance of an instance: the one that is
// planned, where no ID says which.
func (a *App) onMaintenance(verb, short string, do func(ctx context.Context, p *client.Project, name, id string, o *output) error) *cobra.Command {
	cmd := &cobra.Command{Use: verb + " INSTANCE [ID]", Short: short, Args: cobra.RangeArgs(1, 2), ValidArgsFunction: first(a.completeInstances)}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		project, name, err := a.instanceOf(ctx, args[0])
		if err != nil {
			return err
		}
		id := ""
		if len(args) == 2 {
			id = strings.TrimPrefix(args[1], "maintenance/")
		} else if id, err = onlyPlanned(ctx, project, name); err != nil {
			return err
		}
		return do(ctx, project, name, id, o)
	})
	return cmd
}

// onlyPlanned finds the one maintenance of an instance that is planned.
func onlyPlanned(ctx context.Context, project *client.Project, name string) (string, error) {
	all, err := project.Maintenance(ctx, name, 0)
	if err != nil {
		return "", err
	}
	var found []string
	for _, m := range all {
		if m.State == "planned" {
			found = append(found, m.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("nothing is planned for %s", name)
	case 1:
		return found[0], nil
	}
	return "", misuse("%d maintenances of %s are planned; say which one by its ID: souk get maintenance %s", len(found), name, name)
}

func newMaintenanceShow(a *App) *cobra.Command {
	return a.onMaintenance("show", "Show a maintenance, and what became of it", func(ctx context.Context, p *client.Project, name, id string, o *output) error {
		m, err := p.OneMaintenance(ctx, name, id)
		if err != nil {
			return err
		}
		if o.format != "table" {
			return a.result(o, "maintenance/"+m.ID, m.State, m)
		}
		return a.showMaintenance(m)
	})
}

func (a *App) showMaintenance(m api.Maintenance) error {
	lines := [][2]string{{"Maintenance", m.Title}, {"Instance", m.Project + "/" + m.Instance}, {"State", maintenanceState(m)}, {"Planned by", m.PlannedBy},
		{"Between", moment(m.From) + " and " + moment(m.Until)}, {"Effect", m.Effect}, {"Approved by", m.ApprovedBy}}
	if m.BeganAt != nil {
		lines = append(lines, [2]string{"Begun", moment(*m.BeganAt)})
	}
	if m.EndedAt != nil {
		lines = append(lines, [2]string{"Ended", moment(*m.EndedAt)})
	}
	lines = append(lines, [2]string{"Interruption", interruption(m)})
	for _, c := range m.Changes {
		lines = append(lines, [2]string{"Changed", fmt.Sprintf("%s: %v -> %v", c.Field, c.From, c.To)})
	}
	for _, l := range append(lines, [2]string{"", m.Message}) {
		if l[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(a.Out, "%-14s%s\n", l[0], plain(l[1], false)); err != nil {
			return err
		}
	}
	return nil
}

func maintenanceState(m api.Maintenance) string {
	if m.Urgent {
		return m.State + ", urgent"
	}
	return m.State
}

func interruption(m api.Maintenance) string {
	if m.Interruption == nil {
		return "-"
	}
	return time.Duration(*m.Interruption * float64(time.Second)).Round(time.Millisecond).String()
}

func newMaintenanceDefer(a *App) *cobra.Command {
	var after string
	cmd := a.onMaintenance("defer", "Put a maintenance off to the next window", func(ctx context.Context, p *client.Project, name, id string, o *output) error {
		var to api.MaintenanceDefer
		var err error
		if to.NotBefore, err = momentFlag("not-before", after); err != nil {
			return err
		}
		m, err := p.DeferMaintenance(ctx, name, id, to)
		if err != nil {
			return err
		}
		return a.result(o, "maintenance/"+m.ID, "put off to "+moment(m.From), m)
	})
	cmd.Flags().StringVar(&after, "not-before", "", "to the first window after this `TIME`, such as 2026-03-20T00:00:00Z")
	return cmd
}

// momentFlag reads a flag's point in time; "" is none.
func momentFlag(name, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, misuse("--%s %s: say a time such as 2026-03-20T00:00:00Z", name, text)
	}
	return &at, nil
}

func listMaintenance(ctx context.Context, a *App, name string, opt getOptions) (view, error) {
	var all []api.Maintenance
	var err error
	if name != "" {
		project, inErr := a.inProject(ctx)
		if inErr != nil {
			return view{}, inErr
		}
		all, err = project.Maintenance(ctx, name, opt.limit)
	} else {
		organization, _, inErr := a.inOrganization(ctx)
		if inErr != nil {
			return view{}, inErr
		}
		all, err = organization.Maintenance(ctx, false, opt.limit)
	}
	if err != nil {
		return view{}, err
	}
	v := view{value: listed(all), names: []string{}, table: newTable("ID", "INSTANCE", "STATE", "FROM", "UNTIL", "INTERRUPTION", "TITLE"), empty: "No maintenance is planned"}
	for _, m := range all {
		v.names = append(v.names, "maintenance/"+m.ID)
		v.table.add(m.ID, m.Project+"/"+m.Instance, maintenanceState(m), moment(m.From), moment(m.Until), interruption(m), m.Title)
	}
	return v, nil
}
