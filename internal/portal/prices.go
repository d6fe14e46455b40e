package portal

import (
	"reflect"

	"souk/api"
)

// itemName names a priced item, with its tier or what it is the minimum of.
func (v *visit) itemName(item, of string, tier int) string {
	name := v.Or("item."+item, item)
	switch {
	case of != "":
		return v.T("order.minimum-of", "item", v.Or("item."+of, of))
	case tier > 0:
		return v.T("order.tier", "item", name, "n", tier)
	}
	return name
}

// unitPrice is what one unit costs, tier by tier.
func (v *visit) unitPrice(u api.UnitPrice) string {
	text := v.T("order.unit-price", "price", amount(u.Price), "unit", v.Or("unit."+u.Unit, u.Unit))
	for i, t := range u.Tiers {
		tier := ""
		switch {
		case i == 0:
		case u.Mode == "volume":
			tier = ", " + v.T("order.tier-all", "price", amount(t.Price))
		default:
			tier = ", " + v.T("order.tier-then", "price", amount(t.Price))
		}
		if t.UpTo > 0 {
			tier += " " + v.T("order.tier-to", "n", whole(t.UpTo))
		} else {
			tier += " " + v.T("order.tier-beyond")
		}
		text += tier
	}
	if u.Minimum != nil {
		text += "; " + v.T("order.at-least", "price", amount(*u.Minimum))
	}
	return text
}

// sameRules says whether all plans have the same prices beside their own figures.
func sameRules(plans []api.PlanPrice) bool {
	for _, p := range plans {
		if !reflect.DeepEqual([][]api.UnitPrice{p.Rules, p.ByUse, p.Once}, [][]api.UnitPrice{plans[0].Rules, plans[0].ByUse, plans[0].Once}) {
			return false
		}
	}
	return len(plans) > 0
}
