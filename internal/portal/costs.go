package portal

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"souk/api"
	"souk/api/client"
)

// linesAtMost is how many lines of an account are shown one by one.
const linesAtMost = 300

// comingLinked is how many instances the notice of coming prices links to.
const comingLinked = 20

// costsView is what months have cost, and how it was asked for.
type costsView struct {
	api.CostReport
	typed   url.Values
	wrong   *formErrors
	lines   []api.CostLine     // of the running month, where all of it is shown; nil: too many
	whole   bool               // nothing but the running month was asked for
	balance api.BillingBalance // nothing for those who see some projects only
	agreed  []api.Agreement    // neither
}

// costSides are what costs can be grouped by; a label's key is typed.
var costSides = []string{"service", "project", "instance", "item", "plan", "zone", "day", "month", "label"}

// costFilters are the fields that choose a part of the costs, by their names in the URL.
var costFilters = []string{"project", "service", "plan", "zone", "instance", "item", "labels"}

// costOptions reads what the URL asks for.
func costOptions(q url.Values) client.CostOptions {
	opt := client.CostOptions{Project: q.Get("project"), From: q.Get("from"), To: q.Get("to"), By: cmp.Or(q.Get("by"), "service"), Service: q.Get("service"),
		Plan: q.Get("plan"), Zone: q.Get("zone"), Instance: q.Get("instance"), Item: q.Get("item"), Labels: q.Get("labels")}
	switch {
	case opt.By == "label" && q.Get("key") == "": // it is asked for on the page
		opt.By = "service"
	case opt.By == "label":
		opt.By += "=" + q.Get("key")
	}
	return opt
}

// chosen says whether a part of the costs was asked for.
func (c costsView) chosen() bool {
	return slices.ContainsFunc(costFilters, func(f string) bool { return c.typed.Get(f) != "" })
}

// value is what a field has: what was typed, or the months that are shown.
func (c costsView) value(field string) string {
	switch typed := c.typed.Get(field); {
	case field == "from":
		return cmp.Or(typed, c.From)
	case field == "to":
		return cmp.Or(typed, c.To)
	default:
		return typed
	}
}

// wrongFilter says whether something is wrong with what chooses a part of the costs.
func (c costsView) wrongFilter() bool {
	return slices.ContainsFunc(costFilters, func(f string) bool { return c.wrong.of(f) != "" })
}

// csv is the address of the same costs as a table.
func (c costsView) csv(v *visit) string { return at("o", v.org, "costs.csv") + "?" + c.typed.Encode() }

// into is where a group's name leads: to its instances, or to the instance.
func (c costsView) into(v *visit, g api.CostGroup) string {
	q := maps.Clone(c.typed)
	side := cmp.Or(c.typed.Get("by"), "service")
	switch {
	case g.Name == "":
		return ""
	case side == "instance" && g.Gone:
		return at("o", v.org, "backups") + "?project=" + g.Project
	case side == "instance":
		return at("o", v.org, "p", g.Project, "instances", g.Name)
	case side == "month":
		q.Set("from", g.Name)
		q.Set("to", g.Name)
		q.Set("by", "service")
	case side == "label":
		q.Set("labels", q.Get("key")+"="+g.Name)
		q.Set("by", "instance")
	case side == "day":
		return ""
	default:
		q.Set(side, g.Name)
		q.Set("by", "instance")
	}
	return at("o", v.org, "costs") + "?" + q.Encode()
}

func (p *Portal) costs(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	c := costsView{typed: url.Values{}}
	for _, name := range append([]string{"by", "key", "from", "to"}, costFilters...) {
		if text := strings.TrimSpace(v.query.Get(name)); text != "" {
			c.typed.Set(name, text)
		}
	}
	var err error
	if c.balance, err = v.organization().BillingBalance(r.Context()); err != nil && !client.IsStatus(err, http.StatusForbidden) {
		return err
	}
	if c.agreed, err = v.organization().Agreements(r.Context()); err != nil && !client.IsStatus(err, http.StatusForbidden) {
		return err
	}
	report, err := v.organization().CostReport(r.Context(), costOptions(c.typed))
	if err != nil {
		if c.wrong, err = formProblem(err); err != nil {
			return err
		}
		return refuse(w, r, v, costsPage(v, c))
	}
	c.CostReport = report
	c.whole = !c.chosen() && c.Forecast != nil && c.From == c.To
	if c.whole && c.Lines > 0 && c.Lines <= linesAtMost {
		cost, err := v.organization().Cost(r.Context(), "")
		if err != nil {
			return err
		}
		c.lines = cost.Lines
	}
	return show(w, r, v, costsPage(v, c))
}

// costsCSV passes the API's table on.
func (p *Portal) costsCSV(w http.ResponseWriter, r *http.Request, v *visit) error {
	table, err := v.organization().CostReportCSV(r.Context(), costOptions(v.query))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="costs.csv"`)
	_, _ = w.Write(table)
	return nil
}

// sideTitle heads the names of the groups.
func (c costsView) sideTitle(v *visit) string {
	if key, ok := strings.CutPrefix(c.By, "label="); ok {
		return key
	}
	return v.T("costs.side-" + c.By)
}

// groupName is a group as people read it.
func (c costsView) groupName(v *visit, g api.CostGroup) string {
	switch {
	case g.Discount:
		return v.T("item.discount")
	case g.Name == "":
		return v.T("costs.without")
	case c.By == "item":
		return v.Or("item."+g.Name, g.Name)
	}
	return g.Name
}

// most is the amount that the bars are measured by.
func (c costsView) most() string {
	most := c.Total
	for _, g := range c.Groups {
		if (c.By == "day" || c.By == "month") && (most == c.Total || height(g.Amount) > height(most)) {
			most = g.Amount
		}
	}
	return most.Amount
}

// costTotal is the one figure of the costs, for a page that did not wait for it.
func (p *Portal) costTotal(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	summary, err := v.organization().CostSummary(r.Context(), "")
	if err != nil {
		return err
	}
	return show(w, r, v, costSoFar(v, summary))
}

// dayBar is one bar of the chart of days, in its own units.
type dayBar struct {
	api.CostDay
	x, y, height string
}

// Measures of the chart of days.
const (
	dayWidth    = 20
	chartHeight = 100
)

// dayBars are as high as their day cost, the dearest as high as the chart. The
// figures themselves are exact, and beside it.
func dayBars(days []api.CostDay) []dayBar {
	most := 0.0
	for _, d := range days {
		most = max(most, height(d.Amount))
	}
	bars := make([]dayBar, len(days))
	for i, d := range days {
		h := 0.0
		if most > 0 {
			h = max(0, height(d.Amount)/most*(chartHeight-2))
		}
		bars[i] = dayBar{d, strconv.Itoa(i*dayWidth + 3), fmt.Sprintf("%.1f", chartHeight-h), fmt.Sprintf("%.1f", h)}
	}
	return bars
}

// height is an amount as a length on the screen, and nothing else.
func height(m api.Money) float64 {
	h, _ := strconv.ParseFloat(m.Amount, 64)
	return h
}

// zero says whether nothing has been billed that could be seen in a chart.
func zero(m api.Money) bool { return strings.Trim(m.Amount, "0.-") == "" }

func chartBox(days int) string { return fmt.Sprintf("0 0 %d %d", max(days, 7)*dayWidth, chartHeight) }
