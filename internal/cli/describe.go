package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"souk/api"
)

func newDescribe(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "describe KIND NAME",
		Short:             "Show all there is to know about one thing",
		Long:              "Show all there is to know about an instance, a service, a zone or a price list. A\nbare name is an instance.",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeTargets,
	}
	cmd.RunE = a.bounded(func(ctx context.Context, args []string) error {
		k, name, err := target(args)
		if err != nil {
			return err
		}
		if name == "" {
			return misuse("describe which %s? Say: souk describe %s NAME", k.name, k.name)
		}
		switch k.name {
		case "instance":
			return a.describeInstance(ctx, name)
		case "service":
			return a.describeService(ctx, name)
		case "price-list":
			return a.describePriceList(ctx, name)
		case "zone":
			return a.describeZone(ctx, name)
		}
		v, err := k.list(ctx, a, name, getOptions{limit: 50})
		if err != nil {
			return err
		}
		return a.showYAML(v.value)
	})
	return cmd
}

func (a *App) describeService(ctx context.Context, name string) error {
	c, _, err := a.connect()
	if err != nil {
		return err
	}
	s, err := c.Service(ctx, name)
	if err != nil {
		return err
	}
	p := &page{}
	p.field("Service", s.Name+" ("+s.Title+")")
	p.field("Category", s.Category)
	p.field("Provider", s.Provider)
	p.field("Versions", strings.Join(s.Versions, ", "))
	p.field("Revision", fmt.Sprint(s.Revision))
	p.text("\n" + s.Summary)
	if s.Description != "" {
		p.text("\n" + strings.TrimSpace(s.Description))
	}
	p.section("Plans", planTable(s))
	capabilities := newTable("CAPABILITY", "OFFERED", "NOTE")
	for _, c := range s.Capabilities {
		capabilities.add(c.Name, offeredWord(c), c.Note)
		for _, other := range s.Otherwise(c) {
			capabilities.add("  in zone "+other.Zone, offeredWord(other.Capability), other.Note)
		}
	}
	p.section("Capabilities", capabilities)
	if s.SLI != nil {
		p.section("Availability, measured by trying each instance as clients do", objectiveTable(*s.SLI))
	}
	p.section("Maturity, as conformance runs have shown it (souk conformance show RESULT)", maturityTable(s.Maturity))
	parameters, err := parameterTable(s)
	if err != nil {
		return err
	}
	p.section("Parameters (souk order "+s.Name+" NAME --set PARAMETER=VALUE)", parameters)
	p.text("\nOrder one with: souk order " + s.Name + " NAME")
	_, err = fmt.Fprint(a.Out, p)
	return err
}

// objectiveTable is what a service aims at, by service level.
func objectiveTable(s api.ServiceSLI) *table {
	t := newTable("LEVEL", "OBJECTIVE", "AVAILABLE IS")
	for _, level := range slices.Sorted(maps.Keys(s.Objectives)) {
		t.add(level, share(s.Objectives[level]), s.Description)
	}
	return t
}

func offeredWord(c api.Capability) string {
	if c.Offered {
		return "yes"
	}
	return "not yet"
}

func conditionTable(conditions []api.Condition) *table {
	t := newTable("CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE")
	for _, c := range conditions {
		t.add(c.Type, fmt.Sprint(c.Status), moment(c.LastTransitionTime), dash(c.Reason), c.Message)
	}
	return t
}
