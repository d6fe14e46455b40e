package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/api"
	"souk/api/client"
	"souk/internal/money"
)

func (p *Portal) publicRoutes() []Route {
	return []Route{
		{"GET /{$}", Anybody, p.home},
		{"GET /catalog", Anybody, p.catalog},
		{"GET /catalog/{service}", Anybody, p.service},
		{"GET /pricing", Anybody, p.pricing},
	}
}

func (p *Portal) home(w http.ResponseWriter, r *http.Request, v *visit) error {
	services, err := v.client.Services(r.Context())
	if err != nil {
		return err
	}
	return show(w, r, v, homePage(v, services))
}

// Missing answers where there is no page.
func (p *Portal) Missing() http.Handler { return p.page(Route{"", Anybody, p.nothing}) }

func (p *Portal) nothing(http.ResponseWriter, *http.Request, *visit) error {
	return &client.Error{Status: http.StatusNotFound}
}

// catalogFilter chooses services; what is empty chooses all.
type catalogFilter struct{ text, category, zone, provider, level string }

func (f catalogFilter) any() bool { return f != catalogFilter{} }

func (f catalogFilter) matches(s api.Service) bool {
	if text := strings.ToLower(f.text); !strings.Contains(strings.ToLower(s.Name+" "+s.Title+" "+s.Summary+" "+s.Category), text) {
		return false
	}
	if f.category != "" && s.Category != f.category || f.provider != "" && s.Provider != f.provider {
		return false
	}
	if f.zone == "" && f.level == "" {
		return true
	}
	return slices.ContainsFunc(s.Offerings, func(o api.Offering) bool {
		return (f.zone == "" || o.Zone == f.zone) && (f.level == "" || o.ServiceLevel == f.level)
	})
}

// catalogChoices are the values that filters offer.
type catalogChoices struct{ categories, zones, providers, levels []string }

func choicesOf(services []api.Service) catalogChoices {
	var c catalogChoices
	for _, s := range services {
		c.categories = append(c.categories, s.Category)
		c.providers = append(c.providers, s.Provider)
		for _, o := range s.Offerings {
			c.zones = append(c.zones, o.Zone)
			c.levels = append(c.levels, o.ServiceLevel)
		}
	}
	for _, list := range []*[]string{&c.categories, &c.zones, &c.providers, &c.levels} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return c
}

func (p *Portal) catalog(w http.ResponseWriter, r *http.Request, v *visit) error {
	services, err := v.client.Services(r.Context())
	if err != nil {
		return err
	}
	f := catalogFilter{v.query.Get("q"), v.query.Get("category"), v.query.Get("zone"), v.query.Get("provider"), v.query.Get("level")}
	found := slices.DeleteFunc(slices.Clone(services), func(s api.Service) bool { return !f.matches(s) })
	return show(w, r, v, catalogPage(v, f, choicesOf(services), found))
}

func (p *Portal) service(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := v.client.Service(r.Context(), r.PathValue("service"))
	if err != nil {
		return err
	}
	return show(w, r, v, servicePage(v, s))
}

// brings are the capabilities that an offering has.
func brings(o api.Offering) []api.Capability {
	return slices.DeleteFunc(slices.Clone(o.Capabilities), func(c api.Capability) bool { return !c.Offered })
}

// orderPath is where a service is ordered: in the visitor's first organization.
func (v *visit) orderPath(service string) string {
	if v.who == nil {
		return "/login?return=" + at("catalog", service)
	}
	if len(v.who.Organizations) == 0 {
		return "/organizations/new"
	}
	return at("o", v.who.Organizations[0].Name, "order", service)
}

// from is the lowest monthly price of a service that can be ordered now.
func from(s api.Service) (api.Money, bool) {
	var lowest api.Money
	found := false
	for _, o := range s.Offerings {
		for _, plan := range o.Plans {
			if o.Available && (!found || less(plan.Month, lowest)) {
				lowest, found = plan.Month, true
			}
		}
	}
	return lowest, found
}

// less compares amounts of one currency.
func less(a, b api.Money) bool {
	x, errX := money.Parse(a.Amount)
	y, errY := money.Parse(b.Amount)
	return errX == nil && errY == nil && x.Cmp(y) < 0
}

func join(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}

// size says what a plan has.
func (v *visit) size(s api.Service, plan string) string {
	for _, p := range s.Plans {
		if p.Name == plan {
			return v.T("service.plan-size", "cpu", cores(p.CPUMillis), "memory", mebibytes(p.MemoryMiB), "from", p.MinStorageGiB, "to", p.MaxStorageGiB)
		}
	}
	return ""
}

// cores writes thousandths of a core as cores, "0.25".
func cores(millis int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%03d", millis/1000, millis%1000), "0"), ".")
}

// mebibytes writes MiB as GiB where that is a whole number.
func mebibytes(n int64) string {
	if n >= 1024 && n%1024 == 0 {
		return fmt.Sprintf("%d GiB", n/1024)
	}
	return fmt.Sprintf("%d MiB", n)
}
