package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"souk/api"
)

func (p *Portal) availabilityRoutes() []Route {
	return []Route{
		{"GET " + instanceBase + "/availability", SignedIn, p.availability},
		{"GET /o/{org}/sla", SignedIn, p.slaReport},
		{"GET /o/{org}/sla/{file}", SignedIn, p.slaFile},
	}
}

// availabilityOf is what the page of an instance's availability shows.
type availabilityOf struct {
	*shown
	api.Availability
	wrong *formErrors
}

func (p *Portal) availability(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	a := &availabilityOf{shown: s}
	a.Availability, err = s.project.Availability(r.Context(), s.Metadata.Name, v.query.Get("period"))
	if err != nil {
		if a.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	return show(w, r, v, availabilityPage(v, a))
}

// interruptions are the intervals in which the instance was not up, the newest first.
func (a *availabilityOf) interruptions() (list []api.AvailabilityInterval) {
	for i := len(a.Intervals) - 1; i >= 0; i-- {
		if state := a.Intervals[i].State; state != "up" && len(list) < mostInterruptions {
			list = append(list, a.Intervals[i])
		}
	}
	return list
}

const mostInterruptions = 100

// lineWidth is that of the time line, in its own units.
const lineWidth = 1000

// stretch is an interval on the time line. No interruption is too short to be seen.
type stretch struct{ class, x, width string }

func (a *availabilityOf) line() (list []stretch) {
	whole := a.To.Sub(a.From).Seconds()
	for _, pass := range []bool{true, false} { // what interrupts lies above the rest
		for _, i := range a.Intervals {
			if (i.State == "up") != pass {
				continue
			}
			width := i.To.Sub(i.From).Seconds() / whole * lineWidth
			if i.State == "down" || i.State == "agreed-maintenance" {
				width = max(width, 1)
			}
			list = append(list, stretch{i.State, figureOf(i.From.Sub(a.From).Seconds() / whole * lineWidth), figureOf(width)})
		}
	}
	return list
}

func figureOf(n float64) string { return strconv.FormatFloat(n, 'f', 3, 64) }

// states are in the order in which they are explained.
var states = []string{"up", "down", "agreed-maintenance", "no-data", "outside-service"}

// inState is for how long the instance was in a state.
func inState(s api.SLASeconds, state string) string {
	return inSeconds(map[string]float64{"up": s.Up, "down": s.Down, "agreed-maintenance": s.Agreed, "no-data": s.NoData, "outside-service": s.Outside}[state])
}

// inSeconds writes a length of time.
func inSeconds(n float64) string {
	d := time.Duration(n * float64(time.Second))
	if d.Abs() >= time.Minute {
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// share writes a percentage.
func share(percent string) string {
	if percent == "" {
		return "–"
	}
	return percent + " %"
}

// slaView is a month's report.
type slaView struct {
	api.SLAReport
	made    []api.SLAReportMade
	terms   []api.CreditTerms
	credits []api.ServiceCredit
	wrong   *formErrors
}

// madeFile leads to a report as it was made when its month was over.
func (s slaView) madeFile(org string, r api.SLAReportMade, parts ...string) string {
	return at(append([]string{"o", org, "sla"}, parts...)...) + "?" + url.Values{"period": {r.Period}, "watermark": {r.Watermark.Format(time.RFC3339Nano)}}.Encode()
}

func (p *Portal) slaReport(w http.ResponseWriter, r *http.Request, v *visit) error {
	if _, err := v.settle(r.Context()); err != nil {
		return err
	}
	var view slaView
	var err error
	view.SLAReport, err = v.organization().SLAReport(r.Context(), v.query.Get("period"), v.watermark())
	if err != nil {
		if view.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	if view.made, err = v.organization().SLAReports(r.Context()); err != nil {
		return err
	}
	if !view.wrong.any() {
		if view.terms, err = v.organization().CreditTerms(r.Context(), view.Period); err != nil {
			return err
		}
		if view.credits, err = v.organization().ServiceCredits(r.Context(), view.Period); err != nil {
			return err
		}
	}
	return show(w, r, v, slaPage(v, view))
}

// watermark is what the visitor asks for; zero where that is none.
func (v *visit) watermark() time.Time {
	at, err := time.Parse(time.RFC3339Nano, v.query.Get("watermark"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// file leads to the report as it is shown, whatever is recorded later.
func (s slaView) file(name string) string {
	return at("o", s.Organization, "sla", name) + "?" + url.Values{"period": {s.Period}, "watermark": {s.Watermark.Format(time.RFC3339Nano)}}.Encode()
}

// slaFiles are the files that a report comes as.
var slaFiles = map[string]string{"report.json": "application/json", "report.pdf": "application/pdf", "report.jws": "application/jose"}

// slaFile passes a file of the API on.
func (p *Portal) slaFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	name := r.PathValue("file")
	kind, known := slaFiles[name]
	if !known {
		http.NotFound(w, r)
		return nil
	}
	content, err := v.organization().SLAReportFile(r.Context(), v.query.Get("period"), name, v.watermark())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="sla-`+v.org+strings.TrimPrefix(name, "report")+`"`)
	_, _ = w.Write(content) // fails only when the reader has gone
	return nil
}
