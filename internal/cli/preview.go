package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"souk/api"
)

// previewText lays out what a request would change and cost.
func previewText(name, where string, p api.Preview) string {
	var b strings.Builder
	switch p.Action {
	case "create":
		fmt.Fprintf(&b, "Would order instance/%s in %s:\n", name, where)
	case "update":
		fmt.Fprintf(&b, "Would update instance/%s in %s:\n", name, where)
	default:
		return fmt.Sprintf("Would change nothing of instance/%s in %s.\n", name, where)
	}
	changes := newTable("  FIELD", "FROM", "TO")
	for _, c := range p.Changes {
		changes.add("  "+c.Field, shown(c.From), shown(c.To))
	}
	_ = changes.write(&b)
	cost := newTable("  COST", "BEFORE", "AFTER", "CHANGE")
	before := api.Price{}
	if p.Cost.Before != nil {
		before = *p.Cost.Before
	}
	cost.add("  hour", amount(before.Hour), amount(p.Cost.After.Hour), delta(p.Cost.HourDelta))
	cost.add("  this month", amount(before.Month), amount(p.Cost.After.Month), delta(p.Cost.MonthDelta))
	_ = cost.write(&b)
	for _, u := range unlike(before.Rules, p.Cost.After.Rules) {
		fmt.Fprintf(&b, "  Of that %s costs %s.\n", u.Item, unitPrice(u))
	}
	for _, u := range unlike(before.ByUse, p.Cost.After.ByUse) {
		fmt.Fprintf(&b, "  Beside it %s costs %s, by what it takes.\n", u.Item, unitPrice(u))
	}
	if p.Cost.Before == nil {
		for _, u := range p.Cost.After.Once {
			fmt.Fprintf(&b, "  Beside it %s costs %s once, when it is ready for the first time.\n", u.Item, amount(u.Price))
		}
	}
	for _, e := range p.Budgets {
		fmt.Fprintf(&b, "  %s\n", budgetEffect(e))
	}
	for _, effect := range p.Effects {
		fmt.Fprintf(&b, "  Note: %s\n", plain(effect, false))
	}
	return b.String()
}

// priceLine says what is being agreed to.
func priceLine(name, service string, p api.Preview) string {
	chosen := map[string]string{}
	for _, c := range p.Changes {
		chosen[c.Field] = shown(c.To)
	}
	what := strings.TrimSpace(service + " " + chosen["spec.plan"])
	if zone := chosen["spec.zone"]; zone != "" {
		what += " in " + zone
	}
	return fmt.Sprintf("%s: %s costs %s an hour, %s in this calendar month (price list %d)",
		name, what, amount(p.Cost.After.Hour), amount(p.Cost.After.Month), p.PriceList)
}

// moves tells whether a change moves the cost.
func moves(c api.CostDiff) bool {
	return strings.ContainsAny(c.HourDelta.Amount+c.MonthDelta.Amount, "123456789")
}

// changeLine says what a change does to the cost.
func changeLine(name string, p api.Preview) string {
	return fmt.Sprintf("%s: costs %s an hour from then on (%s), %s in this calendar month (%s)",
		name, amount(p.Cost.After.Hour), delta(p.Cost.HourDelta), amount(p.Cost.After.Month), delta(p.Cost.MonthDelta))
}

// unlike are the prices that were not the same before.
func unlike(before, after []api.UnitPrice) []api.UnitPrice {
	return slices.DeleteFunc(slices.Clone(after), func(u api.UnitPrice) bool {
		return slices.ContainsFunc(before, func(b api.UnitPrice) bool { return reflect.DeepEqual(b, u) })
	})
}

// unitPrice is what one unit costs, tier by tier.
func unitPrice(u api.UnitPrice) string {
	if u.Unit != "once" {
		u.Unit = "per " + strings.ReplaceAll(u.Unit, "GiB-", "GiB and ")
	}
	return tierText(u)
}

// tierText is a price, tier by tier, with its unit as it stands.
func tierText(u api.UnitPrice) string {
	text := amount(u.Price) + " " + u.Unit
	for i, t := range u.Tiers {
		if i > 0 {
			text += ", " + amount(t.Price)
			if u.Mode == "volume" {
				text += " for all"
			}
		}
		if t.UpTo > 0 {
			text += fmt.Sprintf(" up to %d", t.UpTo)
		} else {
			text += " beyond"
		}
	}
	if u.Minimum != nil {
		text += "; at least " + amount(*u.Minimum) + " a month"
	}
	return text
}

// itemText names what a line is for.
func itemText(l api.CostLine) string {
	switch {
	case l.Agreement != nil:
		return "discount " + l.Agreement.Name
	case l.Of != "":
		return l.Item + " of " + l.Of
	case l.Tier > 0:
		return fmt.Sprintf("%s, tier %d", l.Item, l.Tier)
	}
	return l.Item
}

// shown writes any value of a document in a line.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		return dash(v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
