package portal

import (
	"cmp"
	"net/http"
	"slices"

	"souk/api"
	"souk/internal/money"
)

// share is what a part of an organization has cost.
type share struct {
	name, path string
	amount     api.Money
}

// sharesBy adds the lines up by what name says of each, the largest first. The
// lines are added as the API gives them, so that the shares make up its total.
func sharesBy(lines []api.CostLine, name func(api.CostLine) (name, path string)) ([]share, error) {
	sums, shares := map[string]money.Amount{}, map[string]share{}
	for _, l := range lines {
		n, path := name(l)
		amount, err := money.Parse(l.Amount.Amount)
		if err != nil {
			return nil, err
		}
		key := path + "\n" + n
		sums[key] = sums[key].Add(amount)
		shares[key] = share{n, path, api.Money{Amount: sums[key].String(), Currency: l.Amount.Currency}}
	}
	var list []share
	for _, s := range shares {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b share) int {
		switch {
		case less(b.amount, a.amount):
			return -1
		case less(a.amount, b.amount):
			return 1
		}
		return cmp.Compare(a.path+a.name, b.path+b.name)
	})
	return list, nil
}

// costsView is this month so far, from several sides.
type costsView struct {
	cost                          api.Cost
	services, projects, instances []share
}

func (p *Portal) costs(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	cost, err := v.organization().Cost(r.Context(), "")
	if err != nil {
		return err
	}
	c := costsView{cost: cost}
	for _, side := range []struct {
		to   *[]share
		name func(api.CostLine) (string, string)
	}{
		{&c.services, func(l api.CostLine) (string, string) { return l.Service, at("catalog", l.Service) }},
		{&c.projects, func(l api.CostLine) (string, string) {
			return l.Project, at("o", v.org, "instances") + "?project=" + l.Project
		}},
		{&c.instances, func(l api.CostLine) (string, string) {
			return l.Instance, at("o", v.org, "p", l.Project, "instances", l.Instance)
		}},
	} {
		if *side.to, err = sharesBy(cost.Lines, side.name); err != nil {
			return err
		}
	}
	return show(w, r, v, costsPage(v, c))
}
