package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"souk/api"
	"souk/api/client"
	"souk/internal/bytesize"
)

// describedEvents is how many of the last events a description shows.
const describedEvents = 10

func (a *App) describeInstance(ctx context.Context, name string) error {
	project, err := a.inProject(ctx)
	if err != nil {
		return err
	}
	i, _, err := project.Instance(ctx, name)
	if err != nil {
		return err
	}
	p := &page{}
	instanceFacts(p, i)
	p.section("Servers", memberTable(i.Status.Members))
	p.section("Conditions", conditionTable(i.Status.Conditions))
	if err := a.costFacts(ctx, p, project, name); err != nil {
		return err
	}
	events, err := project.Events(ctx, name, describedEvents)
	if err != nil {
		return err
	}
	p.section("Last events", eventTable(events))
	_, err = fmt.Fprint(a.Out, p)
	return err
}

func instanceFacts(p *page, i api.Instance) {
	p.field("Instance", i.Metadata.Name)
	p.field("Display name", i.Spec.DisplayName)
	p.field("Where", tenancy(i.Metadata)+", zone "+i.Spec.Zone+driverOf(i))
	p.field("ID", i.Metadata.ID)
	p.field("Labels", pairs(i.Metadata.Labels))
	p.field("Created", moment(i.Metadata.CreatedAt))
	p.field("Phase", phase(i))
	p.field("Message", i.Status.Message)
	p.field("Blocked by", i.Status.BlockedBy)
	p.field("Suspended for", strings.Join(i.Status.SuspendedFor, ", "))
	if i.Status.DeletedAt != nil {
		p.field("Deleted", moment(*i.Status.DeletedAt))
	}
	if i.Status.PurgeAt != nil {
		p.field("Purged at", moment(*i.Status.PurgeAt)+"; until then: souk undelete "+i.Metadata.Name)
	}
	p.field("Service", i.Spec.Service+", "+i.Spec.ServiceLevel)
	p.field("Version", i.Status.Version)
	p.field("Plan", wantedAndApplied(i.Spec.Plan, i.Status.AppliedPlan))
	p.field("Storage", storageFacts(i))
	p.field("Parameters", parameterPairs(i.Spec.Parameters))
	p.field("Allowed networks", networkFacts(i.Spec.AllowedNetworks))
	p.field("Protected", protection(i.Spec.Protected))
	if i.Spec.Suspendable {
		p.field("Suspendable", "yes: a budget that is used up suspends it")
	}
	p.field("Endpoint", endpoint(i.Status.Endpoint))
	if e := i.Status.Endpoint; e != nil && e.ReadHost != "" {
		p.field("To read", endpoint(&api.Endpoint{Host: e.ReadHost, Port: e.ReadPort}))
	}
	p.field("In force", fmt.Sprintf("generation %d of %d", i.Status.ObservedGeneration, i.Metadata.Generation))
	r := i.Status.Revisions
	p.field("Revisions", fmt.Sprintf("package %d, plan %d, price list %d, offering %d", r.Package, r.Plan, r.PriceList, r.Offering))
}

func driverOf(i api.Instance) string {
	if i.Status.Driver == "" {
		return ""
	}
	return " (" + i.Status.Driver + ")"
}

func memberTable(members []api.InstanceMember) *table {
	t := newTable("SERVER", "ROLE", "READY", "FAILURE DOMAIN")
	for _, m := range members {
		ready := "no"
		if m.Ready {
			ready = "yes"
		}
		t.add(m.Name, m.Role, ready, dash(m.FailureDomain))
	}
	return t
}

func wantedAndApplied(wanted, applied string) string {
	if applied == "" || applied == wanted {
		return wanted
	}
	return fmt.Sprintf("%s (%s is still in force)", wanted, applied)
}

func storageFacts(i api.Instance) string {
	applied := ""
	if i.Status.AppliedStorageGiB > 0 {
		applied = gibibytes(i.Status.AppliedStorageGiB)
	}
	text := wantedAndApplied(gibibytes(i.Spec.StorageGiB), applied)
	if i.Status.StorageUsedBytes > 0 {
		text += ", used " + bytesize.Text(i.Status.StorageUsedBytes)
	}
	return text
}

func networkFacts(networks []string) string {
	switch {
	case networks == nil:
		return "everywhere"
	case len(networks) == 0:
		return "none: nobody can connect"
	}
	return strings.Join(networks, ", ")
}

func protection(protected *bool) string {
	if protected != nil && !*protected {
		return "no"
	}
	return "yes"
}

func parameterPairs(parameters map[string]any) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		out = append(out, key+"="+shown(parameters[key]))
	}
	return strings.Join(out, " ")
}

// costFacts adds this month's cost. Those who may not see it are not troubled.
func (a *App) costFacts(ctx context.Context, p *page, project *client.Project, name string) error {
	cost, err := project.Cost(ctx, name)
	var refused *client.Error
	if errors.As(err, &refused) && (refused.Status == 403 || refused.Status == 404) {
		return nil
	}
	if err != nil {
		return err
	}
	t := newTable("ITEM", "PLAN", "QUANTITY", "PRICE", "AMOUNT")
	for _, l := range cost.Lines {
		t.add(itemText(l), dash(l.Plan), l.Quantity+" "+l.Unit, amount(l.Price), amount(l.Amount))
	}
	t.add("total", "", "", "", amount(cost.Total))
	p.section("Cost in "+cost.Month, t)
	if len(cost.Coming) > 0 {
		coming := newTable("FROM", "PRICE LIST", "HOUR", "MONTH")
		for _, c := range cost.Coming {
			coming.add(moment(c.From), fmt.Sprint(c.PriceList), amount(c.Price.Hour), amount(c.Price.Month))
		}
		p.section("Prices to come", coming)
	}
	return nil
}

// parameterTable lists a service's parameters as its schema describes them.
func parameterTable(s api.Service) (*table, error) {
	var schema struct {
		Properties map[string]struct {
			schemaNode
			Default any `json:"default"`
		} `json:"properties"`
	}
	if len(s.Parameters) > 0 {
		if err := json.Unmarshal(s.Parameters, &schema); err != nil {
			return nil, fmt.Errorf("the parameters of %s cannot be read: %w", s.Name, err)
		}
	}
	t := newTable("PARAMETER", "TYPE", "DEFAULT", "DESCRIPTION")
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		t.add(name, dash(strings.Join(property.types(), " or ")), shown(property.Default), property.Description)
	}
	return t, nil
}
