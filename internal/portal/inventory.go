package portal

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/authz"
)

// inventoryView is a page of the inventory as its URL asks for it.
type inventoryView struct {
	listing
	opt       client.InventoryOptions
	age       string
	choices   catalogChoices
	plans     []string
	providers map[string]string // of zones
}

// inventoryFields are what the inventory is filtered and sorted by, as the URL
// names them.
var inventoryFields = []string{"q", "organization", "project", "service", "plan", "level", "zone", "provider", "phase", "age"}

func (l inventoryView) filtered() bool {
	return slices.ContainsFunc(inventoryFields, func(f string) bool { return l.query.Get(f) != "" })
}

// table is the address of the whole list as a table.
func (l inventoryView) table() string { return "/operator/instances.csv" + l.with("", "") }

// ages are how long ago an instance was ordered, by name: at most so long, or
// with "over-" at least.
var ages = map[string]time.Duration{
	"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour,
	"over-week": -7 * 24 * time.Hour, "over-month": -30 * 24 * time.Hour, "over-year": -365 * 24 * time.Hour,
}

// ageNames are in the order in which the page offers them.
var ageNames = []string{"hour", "day", "week", "month", "over-week", "over-month", "over-year"}

// inventoryOptions turns the URL into what the API is asked for.
func inventoryOptions(v *visit) client.InventoryOptions {
	q := v.query
	opt := client.InventoryOptions{
		ListOptions:  client.ListOptions{Text: q.Get("q"), Phase: api.Phase(q.Get("phase")), Service: q.Get("service"), Zone: q.Get("zone"), Plan: q.Get("plan"), Sort: q.Get("sort")},
		Organization: q.Get("organization"), Project: q.Get("project"), ServiceLevel: q.Get("level"), Provider: q.Get("provider"),
	}
	switch age := ages[q.Get("age")]; {
	case age > 0:
		opt.From = v.now.Add(-age)
	case age < 0:
		opt.To = v.now.Add(age)
	}
	return opt
}

func (p *Portal) inventory(w http.ResponseWriter, r *http.Request, v *visit) error {
	opt := inventoryOptions(v)
	page, err := v.client.Operator().InventoryPage(r.Context(), opt, pageOfInstances, v.query.Get("cursor"))
	if err != nil {
		return err
	}
	l := inventoryView{listing: listing{query: v.query, filter: opt.ListOptions, items: page.Items, next: page.Next}, opt: opt, age: v.query.Get("age")}
	services, err := v.client.Services(r.Context())
	if err != nil {
		return err
	}
	if l.providers, err = providers(r, v); err != nil {
		return err
	}
	l.choices = choicesOf(services)
	l.choices.zones = slices.Sorted(maps.Keys(l.providers))
	l.choices.providers = slices.Compact(slices.Sorted(maps.Values(l.providers)))
	l.choices.categories = nil
	for _, s := range services {
		l.choices.categories = append(l.choices.categories, s.Name)
		for _, plan := range s.Plans {
			l.plans = append(l.plans, plan.Name)
		}
	}
	slices.Sort(l.plans)
	l.plans = slices.Compact(l.plans)
	return show(w, r, v, inventoryPage(v, l))
}

// providers are those of the zones, by the zone's name.
func providers(r *http.Request, v *visit) (map[string]string, error) {
	zones, err := v.client.Zones(r.Context())
	of := map[string]string{}
	for _, z := range zones {
		of[z.Metadata.Name] = z.Provider
	}
	return of, err
}

// inventoryCSV passes the API's table on as it comes. One that is broken off
// there is broken off here.
func (p *Portal) inventoryCSV(w http.ResponseWriter, r *http.Request, v *visit) error {
	table, err := v.client.Operator().InventoryCSV(r.Context(), inventoryOptions(v))
	if err != nil {
		return err
	}
	defer table.Close()
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="instances-`+v.now.UTC().Format(time.DateOnly)+`.csv"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the API gives each part its time
	if _, err := io.Copy(w, table); err != nil {
		if errors.Is(err, r.Context().Err()) {
			return nil
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// inventoriedView is an instance as the operator sees it.
type inventoriedView struct {
	instance api.Instance
	events   []api.Event
	provider string
	stuck    []api.Stuck // itself, if it is
}

func (p *Portal) inventoried(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.mayOperate(authz.OperatorInventory) {
		return forbidden()
	}
	i, err := v.client.Operator().Instance(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	events, err := v.client.Operator().InstanceEvents(r.Context(), i.Metadata.ID, pageOfInstances)
	if err != nil {
		return err
	}
	of, err := providers(r, v)
	if err != nil {
		return err
	}
	stuck, err := v.client.Operator().Stuck(r.Context(), i.Metadata.ID)
	if err != nil {
		return err
	}
	return show(w, r, v, inventoriedPage(v, inventoriedView{i, events, of[i.Spec.Zone], stuck}))
}

// inInventory is the inventory filtered by one thing.
func inInventory(key, value string) string {
	return "/operator/instances?" + url.Values{key: {value}}.Encode()
}

func inventoriedPath(i api.Instance) string { return at("operator", "instances", i.Metadata.ID) }

// whoActs says in plain words who has to act before an instance can go on.
func (v *visit) whoActs(blockedBy string) string { return v.Or("blocked."+blockedBy, blockedBy) }
