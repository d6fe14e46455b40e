package portal

import (
	"net/http"
	"slices"

	"souk/api"
)

// stuckView is what does not go on, by who has to act.
type stuckView struct {
	actor string // "": whoever it is
	items []api.Stuck
	count map[string]int
}

// stuckActors are in the order in which the page names them.
var stuckActors = []string{"operator", "provider", "customer"}

func (p *Portal) stuck(w http.ResponseWriter, r *http.Request, v *visit) error {
	items, err := v.client.Operator().Stuck(r.Context(), "")
	if err != nil {
		return err
	}
	s := stuckView{count: map[string]int{}}
	if asked := v.query.Get("actor"); slices.Contains(stuckActors, asked) {
		s.actor = asked
	}
	for _, i := range items {
		s.count[i.Actor]++
		if s.actor == "" || s.actor == i.Actor {
			s.items = append(s.items, i)
		}
	}
	return show(w, r, v, stuckPage(v, s))
}
