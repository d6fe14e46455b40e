// Package costs shows what months have cost from any side, and what the running one will.
// It adds up the lines that billing has rated and rounded, and rounds nothing itself, so
// that every side adds up to the same total.
package costs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"souk/internal/billing"
	"souk/internal/compare"
	"souk/internal/money"
)

// The sides that costs are seen from; ByLabel has the label's key after it.
const (
	ByService  = "service"
	ByPlan     = "plan"
	ByProject  = "project"
	ByZone     = "zone"
	ByInstance = "instance"
	ByItem     = "item"
	ByDay      = "day"
	ByMonth    = "month"
	ByLabel    = "label="
)

var sides = []string{ByService, ByPlan, ByProject, ByZone, ByInstance, ByItem, ByDay, ByMonth}

// CheckSide refuses what costs cannot be seen by.
func CheckSide(by string) error {
	if key, ok := strings.CutPrefix(by, ByLabel); ok && key != "" || slices.Contains(sides, by) {
		return nil
	}
	return fmt.Errorf("Costs are seen by %s or label=KEY.", strings.Join(sides, ", "))
}

// Filter chooses lines; what is empty chooses all.
type Filter struct {
	Service, Plan, Zone, Instance, Item string
	Labels                              map[string]string // all of them
}

// needsPlaces says whether the zones and labels of instances have to be known.
func (f Filter) needsPlaces(by string) bool {
	return f.Zone != "" || len(f.Labels) > 0 || by == ByZone || strings.HasPrefix(by, ByLabel)
}

// place is what lines do not say of an instance.
type place struct {
	zone   string
	labels map[string]string
}

func (f Filter) chooses(l billing.Line, at place) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	for key, value := range f.Labels {
		if have, ok := at.labels[key]; !ok || have != value {
			return false
		}
	}
	return is(f.Service, l.Service) && is(f.Plan, l.Plan) && is(f.Instance, l.Instance) && is(f.Item, string(l.Item)) && is(f.Zone, at.zone)
}

// chosen are the lines that the filter lets through.
func (f Filter) chosen(lines []billing.Line, places map[uuid.UUID]place) []billing.Line {
	return slices.DeleteFunc(slices.Clone(lines), func(l billing.Line) bool { return !f.chooses(l, places[l.InstanceID]) })
}

// key is what a line is grouped by.
type key struct {
	project, name string
	gone          bool
	discount      bool
}

func keyOf(by string, l billing.Line, at place, month billing.Month) key {
	if l.Item == billing.ItemDiscount && by != ByItem && by != ByMonth {
		return key{discount: true}
	}
	switch by {
	case ByService:
		return key{name: l.Service}
	case ByPlan:
		return key{name: l.Plan}
	case ByProject:
		return key{name: l.Project}
	case ByZone:
		return key{name: at.zone}
	case ByInstance:
		return key{project: l.Project, name: l.Instance, gone: l.Gone}
	case ByItem:
		return key{name: string(l.Item)}
	case ByMonth:
		return key{name: month.String()}
	}
	return key{name: at.labels[strings.TrimPrefix(by, ByLabel)]}
}

// Group is one part of the costs.
type Group struct {
	Project, Name string // Project is that of an instance, or ""
	Gone          bool   // of an instance that was removed for good
	Discount      bool   // it is all discounts, which are of no part
	Amount        money.Amount
	Forecast      money.Amount // when the last month is over
}

// sums add lines up by a side.
type sums map[key]*Group

func (s sums) of(k key) *Group {
	g := s[k]
	if g == nil {
		g = &Group{Project: k.project, Name: k.name, Gone: k.gone, Discount: k.discount}
		s[k] = g
	}
	return g
}

// list returns the groups: moments in their order, others the dearest first.
func (s sums) list(by string) []Group {
	list := make([]Group, 0, len(s))
	for _, g := range s {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Group) int {
		name := cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
		if by == ByDay || by == ByMonth {
			return name
		}
		return cmp.Or(compare.Bool(a.Discount, b.Discount), b.Amount.Cmp(a.Amount), b.Forecast.Cmp(a.Forecast), name, compare.Bool(a.Gone, b.Gone))
	})
	return list
}
