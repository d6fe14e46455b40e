package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"souk/api"
	"souk/api/client"
	"souk/internal/money"
)

// mostPriced is how many lines are added up.
const mostPriced = 10

// pricedFields are those of a line, as the URL names them: one value a line.
var pricedFields = []string{"service", "place", "plan", "storage", "hours"}

// pricedLine is one instance whose price is asked for.
type pricedLine struct {
	service api.Service
	typed   map[string]string // by field
	priced  *api.Estimate
	wrong   *formErrors
}

// priced is the calculator as its URL asks for it.
type priced struct {
	services []api.Service // that are offered
	lines    []pricedLine
	sums     []pricedSum
	hours    int64 // of the month
}

// pricedSum is what all lines cost together, in one currency.
type pricedSum struct{ total, hour api.Money }

func (p *Portal) pricing(w http.ResponseWriter, r *http.Request, v *visit) error {
	services, err := v.client.Services(r.Context())
	if err != nil {
		return err
	}
	c := priced{services: slices.DeleteFunc(services, func(s api.Service) bool { return len(s.Offerings) == 0 })}
	if len(c.services) == 0 {
		return show(w, r, v, pricingPage(v, c))
	}
	c.read(v.query)
	if v.query.Has("add") || v.query.Has("remove") { // the URL says what is there, not what was done
		redirect(w, r, "/pricing?"+c.query().Encode())
		return nil
	}
	for i := range c.lines {
		if err := c.lines[i].price(r, v); err != nil {
			return err
		}
	}
	if err := c.add(); err != nil {
		return err
	}
	return show(w, r, v, pricingPage(v, c))
}

// read takes the lines from the URL: one that says too little is filled up with
// what works.
func (c *priced) read(q url.Values) {
	n := 0
	for _, f := range pricedFields {
		n = max(n, min(len(q[f]), mostPriced))
	}
	for i := range n {
		if q.Get("remove") == strconv.Itoa(i) {
			continue
		}
		typed := map[string]string{}
		for _, f := range pricedFields {
			if i < len(q[f]) {
				typed[f] = strings.TrimSpace(q[f][i])
			}
		}
		c.lines = append(c.lines, c.line(typed))
	}
	if len(c.lines) == 0 || q.Has("add") && len(c.lines) < mostPriced {
		c.lines = append(c.lines, c.line(map[string]string{}))
	}
}

func (c *priced) line(typed map[string]string) pricedLine {
	l := pricedLine{service: c.services[0], typed: typed}
	for _, s := range c.services {
		if s.Name == typed["service"] {
			l.service = s
		}
	}
	typed["service"] = l.service.Name
	offering := l.service.Offerings[0]
	for _, o := range l.service.Offerings {
		if placeOf(o) == typed["place"] {
			offering = o
		}
	}
	typed["place"] = placeOf(offering)
	if !slices.ContainsFunc(offering.Plans, func(p api.PlanPrice) bool { return p.Plan == typed["plan"] }) && len(offering.Plans) > 0 {
		typed["plan"] = offering.Plans[0].Plan
	}
	return l
}

// placeOf is an offering as the URL names it.
func placeOf(o api.Offering) string { return o.Zone + "/" + o.ServiceLevel }

// query is the URL that has the same lines.
func (c *priced) query() url.Values {
	q := url.Values{}
	for _, l := range c.lines {
		for _, f := range pricedFields {
			q.Add(f, l.typed[f])
		}
	}
	return q
}

// price asks what the line costs.
func (l *pricedLine) price(r *http.Request, v *visit) error {
	zone, level, _ := strings.Cut(l.typed["place"], "/")
	opt := client.PriceOptions{Zone: zone, ServiceLevel: level, Plan: l.typed["plan"]}
	for field, to := range map[string]*int64{"storage": &opt.StorageGiB, "hours": &opt.Hours} {
		typed := l.typed[field]
		if typed == "" {
			continue
		}
		n, err := strconv.ParseInt(typed, 10, 64)
		if err != nil || n < 1 {
			l.wrong = mistake(field, v.T("pricing.number"))
			return nil
		}
		*to = n
	}
	e, err := v.client.Price(r.Context(), l.service.Name, opt)
	if err != nil {
		l.wrong, err = formProblem(err)
		return err
	}
	l.priced = &e
	return nil
}

// problem is what is wrong with a field of the line.
func (l pricedLine) problem(field string) string {
	in := map[string]string{"storage": "storageGiB", "place": "zone"}
	if text := l.wrong.of(field); text != "" {
		return text
	}
	return l.wrong.of(in[field])
}

// add sums the lines up, one sum a currency. They are added as they were
// rounded: as an invoice adds them.
func (c *priced) add() error {
	totals, hours := map[string]money.Amount{}, map[string]money.Amount{}
	var currencies []string
	for _, l := range c.lines {
		if l.priced == nil {
			continue
		}
		c.hours = l.priced.MonthHours
		total, err := money.Parse(l.priced.Total.Amount)
		if err != nil {
			return err
		}
		hour, err := money.Parse(l.priced.Price.Hour.Amount)
		if err != nil {
			return err
		}
		currency := l.priced.Total.Currency
		if _, known := totals[currency]; !known {
			currencies = append(currencies, currency)
		}
		totals[currency], hours[currency] = totals[currency].Add(total), hours[currency].Add(hour)
	}
	for _, currency := range currencies {
		c.sums = append(c.sums, pricedSum{api.Money{Amount: totals[currency].String(), Currency: currency}, api.Money{Amount: hours[currency].String(), Currency: currency}})
	}
	return nil
}

// plans are those that can be chosen for the line.
func (l pricedLine) plans() []api.PlanPrice {
	for _, o := range l.service.Offerings {
		if placeOf(o) == l.typed["place"] {
			return o.Plans
		}
	}
	return nil
}

// plan is the chosen one.
func (l pricedLine) plan() api.Plan {
	for _, p := range l.service.Plans {
		if p.Name == l.typed["plan"] {
			return p
		}
	}
	return api.Plan{}
}
