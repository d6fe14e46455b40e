package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newServices(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "services [NAME]",
		Short:             "List what can be ordered, or describe one service",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: first(a.completeServices),
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		if len(args) == 1 && o.format == "table" {
			return a.describeService(ctx, args[0])
		}
		v, err := listServices(ctx, a, strings.Join(args, ""), getOptions{})
		if err != nil {
			return err
		}
		return a.show(o, v)
	})
	return cmd
}

func newPlans(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "plans SERVICE",
		Short:             "List a service's plans and what they cost in each zone",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: first(a.completeServices),
	}
	o := outputFlag(cmd)
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		v, err := listPlans(ctx, a, args[0], getOptions{})
		if err != nil {
			return err
		}
		return a.show(o, v)
	})
	return cmd
}

func listServices(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	if name != "" {
		s, err := c.Service(ctx, name)
		if err != nil {
			return view{}, err
		}
		v := view{value: s, names: []string{"service/" + s.Name}, table: serviceTable()}
		v.table.add(serviceRow(s)...)
		return v, nil
	}
	all, err := c.Services(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("service", "", all, serviceTable(), func(s api.Service) string { return s.Name }, serviceRow)
}

func serviceTable() *table {
	return newTable("NAME", "CATEGORY", "PROVIDER", "VERSIONS", "ZONES", "SUMMARY")
}

func serviceRow(s api.Service) []string {
	var zones []string
	for _, o := range s.Offerings {
		if o.Available && !strings.Contains(","+strings.Join(zones, ",")+",", ","+o.Zone+",") {
			zones = append(zones, o.Zone)
		}
	}
	return []string{s.Name, s.Category, s.Provider, dash(strings.Join(s.Versions, ",")), dash(strings.Join(zones, ",")), s.Summary}
}

// planPrice is a plan in one offering.
type planPrice struct {
	Plan         api.Plan      `json:"plan"`
	Zone         string        `json:"zone"`
	ServiceLevel string        `json:"serviceLevel"`
	Available    bool          `json:"available"`
	Problem      string        `json:"problem,omitempty"`
	Price        api.PlanPrice `json:"price"`
}

func listPlans(ctx context.Context, a *App, service string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	s, err := c.Service(ctx, service)
	if err != nil {
		return view{}, err
	}
	v := view{names: []string{}, table: planTable(s)}
	for _, p := range s.Plans {
		v.names = append(v.names, "plan/"+p.Name)
	}
	v.value = listed(planPrices(s))
	return v, nil
}

func planPrices(s api.Service) []planPrice {
	var all []planPrice
	for _, o := range s.Offerings {
		for _, price := range o.Plans {
			for _, p := range s.Plans {
				if p.Name == price.Plan {
					all = append(all, planPrice{p, o.Zone, o.ServiceLevel, o.Available, o.Problem, price})
				}
			}
		}
	}
	return all
}

func planTable(s api.Service) *table {
	t := newTable("PLAN", "CPU", "MEMORY", "STORAGE", "ZONE", "LEVEL", "HOUR", "THIS MONTH", "MORE STORAGE", "BACKUPS", "NOTE")
	for _, p := range planPrices(s) {
		note := otherPrices(p.Price)
		if !p.Available {
			note = "cannot be ordered now: " + p.Problem
		}
		t.add(p.Plan.Name, cores(p.Plan.CPUMillis), mebibytes(p.Plan.MemoryMiB),
			fmt.Sprintf("%d-%d GiB", p.Plan.MinStorageGiB, p.Plan.MaxStorageGiB),
			p.Zone, p.ServiceLevel, amount(p.Price.Hour), amount(p.Price.Month), storagePrice(p.Price), backupPrice(p.Price), note)
	}
	return t
}

// storagePrice shows what a further unit of storage costs.
func storagePrice(p api.PlanPrice) string {
	for _, u := range p.Rules {
		if u.Item == "storage" {
			return unitPrice(u)
		}
	}
	for _, item := range p.Items {
		if strings.HasPrefix(item.Unit, "GiB-") {
			return fmt.Sprintf("%s per GiB and %s", amount(item.Price), strings.TrimPrefix(item.Unit, "GiB-"))
		}
	}
	return "-"
}

// otherPrices are those that no column shows.
func otherPrices(p api.PlanPrice) string {
	var all []string
	for _, u := range slices.Concat(p.Rules, p.ByUse, p.Once) {
		if u.Item != "storage" && u.Item != "backup-storage" {
			all = append(all, u.Item+" "+unitPrice(u))
		}
	}
	return strings.Join(all, "; ")
}

// backupPrice shows what is billed of what backups take.
func backupPrice(p api.PlanPrice) string {
	for _, u := range p.ByUse {
		if u.Item == "backup-storage" {
			return unitPrice(u)
		}
	}
	return "-"
}

func listZones(ctx context.Context, a *App, name string, _ getOptions) (view, error) {
	c, _, err := a.connect()
	if err != nil {
		return view{}, err
	}
	all, err := c.Zones(ctx)
	if err != nil {
		return view{}, err
	}
	return listing("zone", name, all, newTable("NAME", "TITLE", "PROVIDER", "DRIVER", "FAILURE DOMAINS", "CPU FREE", "MEMORY FREE", "STORAGE FREE", "REACHABLE"),
		func(z api.Zone) string { return z.Metadata.Name },
		func(z api.Zone) []string {
			driver, domains := z.Driver, fmt.Sprint(len(z.FailureDomains))
			if z.Simulated {
				driver += " (simulated)"
			}
			if z.Simulated || z.FailureDomainsSimulated {
				domains += " (simulated)"
			}
			return []string{
				z.Metadata.Name, dash(z.Title), z.Provider, driver, domains,
				cores(max(0, z.Capacity.CPUMillis-z.Reserved.CPUMillis)),
				mebibytes(max(0, z.Capacity.MemoryMiB-z.Reserved.MemoryMiB)),
				fmt.Sprintf("%d GiB", max(0, z.Capacity.StorageGiB-z.Reserved.StorageGiB)),
				reachable(z.Conditions),
			}
		})
}

func reachable(conditions []api.Condition) string {
	for _, c := range conditions {
		if c.Type == "Reachable" || c.Type == "ZoneReachable" {
			if c.Status {
				return "yes"
			}
			return "no"
		}
	}
	return "-"
}
