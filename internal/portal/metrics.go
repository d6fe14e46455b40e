package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"souk/api"
	"souk/api/client"
	"souk/internal/bytesize"
)

func (p *Portal) metricsRoutes() []Route {
	return []Route{
		{"GET " + instanceBase + "/metrics", SignedIn, p.metrics},
		{"GET " + instanceBase + "/metrics/data", SignedIn, p.metricsData},
		{"GET " + instanceBase + "/metrics/grafana.json", SignedIn, p.metricsGrafana},
	}
}

// metricsRanges are offered, up to now.
var metricsRanges = []string{"1h", "6h", "24h", "7d", "30d"}

const (
	tableMoments = 9   // of a panel's table
	chartPoints  = 240 // of a chart's line, about
	typedMoment  = "2006-01-02T15:04"
)

// metricsOf is what the page of an instance's figures shows.
type metricsOf struct {
	*shown
	span     string // one of metricsRanges; "": from and to
	from, to string // as they were typed, in the organization's time zone
	api.Metrics
	wrong *formErrors
}

// metricsSpan reads what time is asked for.
func (m *metricsOf) metricsSpan(v *visit) client.MetricsSpan {
	m.from, m.to = v.query.Get("from"), v.query.Get("to")
	from, fromErr := time.ParseInLocation(typedMoment, m.from, v.zone)
	to, toErr := time.ParseInLocation(typedMoment, m.to, v.zone)
	if fromErr == nil && toErr == nil {
		return client.MetricsSpan{Start: from, End: to}
	}
	m.span = v.query.Get("range")
	if m.span == "" {
		m.span = metricsRanges[0]
	}
	return client.MetricsSpan{Range: m.span}
}

func (p *Portal) metrics(w http.ResponseWriter, r *http.Request, v *visit) error {
	s, err := p.instanceAt(r, v)
	if err != nil {
		return err
	}
	m := &metricsOf{shown: s}
	span := m.metricsSpan(v)
	span.Points = tableMoments - 1
	m.Metrics, err = s.project.Metrics(r.Context(), s.Metadata.Name, span)
	if err != nil {
		if m.wrong, err = formProblem(err); err != nil {
			return err
		}
	}
	return show(w, r, v, metricsPage(v, m))
}

// metricsData gives the charts their lines.
func (p *Portal) metricsData(w http.ResponseWriter, r *http.Request, v *visit) error {
	span := client.MetricsSpan{Range: v.query.Get("range"), Points: chartPoints}
	from, fromErr := strconv.ParseInt(v.query.Get("from"), 10, 64)
	to, toErr := strconv.ParseInt(v.query.Get("to"), 10, 64)
	if fromErr == nil && toErr == nil {
		span.Range, span.Start, span.End = "", time.Unix(from, 0), time.Unix(to, 0)
	}
	data, err := v.organization().Project(r.PathValue("project")).Metrics(r.Context(), r.PathValue("name"), span)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(data)
}

// metricsGrafana gives the dashboard away as a file.
func (p *Portal) metricsGrafana(w http.ResponseWriter, r *http.Request, v *visit) error {
	text, err := v.organization().Project(r.PathValue("project")).MetricsDashboard(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+r.PathValue("name")+`-grafana.json"`)
	_, _ = w.Write(text) // fails only when the reader has gone
	return nil
}

// dataPath is where the charts' lines are, for the page's span.
func (m *metricsOf) dataPath() string {
	query := url.Values{"range": {m.span}}
	if m.span == "" {
		query = url.Values{"from": {strconv.FormatInt(m.Start.Unix(), 10)}, "to": {strconv.FormatInt(m.End.Unix(), 10)}}
	}
	return m.path("metrics", "data") + "?" + query.Encode()
}

// known says whether anything is known of a panel.
func known(p api.MetricsPanel) bool {
	for _, s := range p.Series {
		for _, value := range s.Values {
			if value != nil {
				return true
			}
		}
	}
	return false
}

// moments of the values, in words.
func (m *metricsOf) moments(v *visit) []string {
	layout := "15:04"
	if m.End.Sub(m.Start) > 24*time.Hour {
		layout = "2006-01-02 15:04"
	}
	var out []string
	for at := m.Start; !at.After(m.End); at = at.Add(time.Duration(m.StepSeconds) * time.Second) {
		out = append(out, at.In(v.zone).Format(layout))
	}
	return out
}

// figure writes a value with its unit.
func figure(unit string, values []*float64, i int) string {
	if i >= len(values) || values[i] == nil {
		return "–"
	}
	value := *values[i]
	switch unit {
	case "bytes":
		return bytesize.Text(int64(value))
	case "bytesPerSecond":
		return bytesize.Text(int64(value)) + "/s"
	case "ratio":
		return strconv.FormatFloat(value*100, 'f', 1, 64) + " %"
	case "perSecond":
		return strconv.FormatFloat(value, 'f', 2, 64) + "/s"
	case "seconds":
		return strconv.FormatFloat(value, 'f', 2, 64) + " s"
	case "cores":
		return strconv.FormatFloat(value, 'f', 3, 64)
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
