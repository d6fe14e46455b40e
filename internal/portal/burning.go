package portal

import (
	"net/http"
	"strconv"
	"strings"

	"souk/api"
	"souk/internal/portal/help"
)

// zoneBurns are the instances of a zone that use their error budgets up too fast.
type zoneBurns struct {
	zone  string
	items []api.Burn
}

// burningView is what burns, by zone, and what did.
type burningView struct {
	zones []zoneBurns
	past  []api.Burn
}

func (p *Portal) burning(w http.ResponseWriter, r *http.Request, v *visit) error {
	list, err := v.client.Operator().Burns(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, burningPage(v, burningBy(list)))
}

// burningBy sorts what burns by zone; the zone of what began last is the first.
func burningBy(list []api.Burn) (b burningView) {
	of := map[string]int{}
	for _, each := range list {
		if each.EndedAt != nil {
			b.past = append(b.past, each)
			continue
		}
		i, known := of[each.Zone]
		if !known {
			i = len(b.zones)
			of[each.Zone] = i
			b.zones = append(b.zones, zoneBurns{zone: each.Zone})
		}
		b.zones[i].items = append(b.zones[i].items, each)
	}
	return b
}

// burnRate says how fast a budget is used up.
func burnRate(v *visit, b api.Burn) string {
	return v.T("burning.rate", "times", strconv.FormatFloat(b.Rate, 'f', 1, 64), "down", inSeconds(b.DownSeconds), "window", inSeconds(float64(b.WindowSeconds)))
}

// burnRunbookView is the operator's page that says what to do.
type burnRunbookView struct{ title, html string }

func (p *Portal) burnRunbook(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := v.client.Operator().BurnRunbook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	title, text, _ := strings.Cut(page.Text, "\n")
	b := burnRunbookView{title: strings.TrimPrefix(title, "# ")}
	if b.html, err = help.HTML(text, v.T("copy.do"), v.T("copy.done")); err != nil {
		return err
	}
	return show(w, r, v, burnRunbookPage(v, b))
}
