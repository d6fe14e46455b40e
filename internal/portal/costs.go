package portal

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"souk/api"
)

// linesAtMost is how many lines of an account are shown one by one.
const linesAtMost = 300

// costsView is this month so far, from several sides.
type costsView struct {
	api.CostSummary
	lines []api.CostLine // nil: too many to show
}

func (p *Portal) costs(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	summary, err := v.organization().CostSummary(r.Context(), "")
	if err != nil {
		return err
	}
	c := costsView{CostSummary: summary}
	if summary.Lines <= linesAtMost {
		cost, err := v.organization().Cost(r.Context(), "")
		if err != nil {
			return err
		}
		c.lines = cost.Lines
	}
	return show(w, r, v, costsPage(v, c))
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

// partPath is where a part of the costs leads.
func partPath(v *visit, kind string, s api.CostShare) string {
	switch kind {
	case "services":
		return at("catalog", s.Name)
	case "projects":
		return at("o", v.org, "instances") + "?project=" + s.Name
	}
	if s.Gone {
		return at("o", v.org, "backups") + "?project=" + s.Project
	}
	return at("o", v.org, "p", s.Project, "instances", s.Name)
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
		most = max(most, height(d))
	}
	bars := make([]dayBar, len(days))
	for i, d := range days {
		h := 0.0
		if most > 0 {
			h = max(0, height(d)/most*(chartHeight-2))
		}
		bars[i] = dayBar{d, strconv.Itoa(i*dayWidth + 3), fmt.Sprintf("%.1f", chartHeight-h), fmt.Sprintf("%.1f", h)}
	}
	return bars
}

// height is a day's amount as a length on the screen, and nothing else.
func height(d api.CostDay) float64 {
	h, _ := strconv.ParseFloat(d.Amount.Amount, 64)
	return h
}

// zero says whether nothing has been billed that could be seen in a chart.
func zero(m api.Money) bool { return strings.Trim(m.Amount, "0.-") == "" }

func chartBox(days int) string { return fmt.Sprintf("0 0 %d %d", max(days, 7)*dayWidth, chartHeight) }
