package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"souk/api"
	"souk/internal/authz"
	"souk/internal/instance"
	"souk/internal/metrics"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
)

const metricsPath = instancesPath + "/{name}/metrics"

func (s *Server) registerMetrics() {
	register(s, Operation{Method: http.MethodGet, Path: metricsPath, ID: "instances-metrics", Tag: "metrics", Summary: "Figures of an instance, as its dashboard shows them", Action: authz.InstanceMetrics},
		func(ctx context.Context, in *struct {
			InInstance
			Range  string    `query:"range" default:"1h" maxLength:"20" doc:"Up to now: 1h, 7d"`
			Start  time.Time `query:"start" doc:"With end, in place of range"`
			End    time.Time `query:"end"`
			Points int       `query:"points" minimum:"2" maximum:"1000" default:"240" doc:"Of each series, about"`
		}) (*body[api.Metrics], error) {
			v, dashboard, err := s.measured(ctx, in.Name)
			if err != nil {
				return nil, err
			}
			span, err := s.span(in.Range, in.Start, in.End)
			if err != nil {
				return nil, err
			}
			span.Points = in.Points
			out, err := metrics.Read(ctx, s.Metrics, v.ID.String(), *dashboard, span)
			return &body[api.Metrics]{out}, plainly(err)
		})
	register(s, Operation{Method: http.MethodGet, Path: metricsPath + "/grafana", ID: "instances-metrics-grafana", Tag: "metrics", Summary: "The dashboard for Grafana", Action: authz.InstanceMetrics},
		func(ctx context.Context, in *InInstance) (*struct {
			Disposition string `header:"Content-Disposition"`
			Body        json.RawMessage
		}, error) {
			v, dashboard, err := s.measured(ctx, in.Name)
			if err != nil {
				return nil, err
			}
			text, err := metrics.Grafana(v.Service, v.Name, *dashboard)
			return &struct {
				Disposition string `header:"Content-Disposition"`
				Body        json.RawMessage
			}{fmt.Sprintf("attachment; filename=%q", v.Name+"-grafana.json"), text}, err
		})
	register(s, Operation{Method: http.MethodGet, Path: metricsPath + "/scrape", ID: "instances-metrics-scrape", Tag: "metrics", Summary: "The latest figures, for a Prometheus of your own",
		Description: "In Prometheus' text format.", Action: authz.InstanceMetrics, Serve: s.serveScrape},
		func(context.Context, *InInstance) (*struct {
			ContentType string `header:"Content-Type"`
			Body        []byte
		}, error) {
			return nil, nil // Serve answers
		})
	for _, q := range []struct {
		name, summary string
		serve         func(w http.ResponseWriter, r *http.Request) bool
	}{
		{"query", "Evaluate PromQL at one moment", s.prometheus(s.query)},
		{"query_range", "Evaluate PromQL over a span", s.prometheus(s.queryRange)},
		{"series", "List series", s.prometheus(s.series)},
		{"labels", "List labels", s.prometheus(s.labels)},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			id := "instances-metrics-" + strings.ReplaceAll(q.name, "_", "-") + strings.TrimPrefix("-"+strings.ToLower(method), "-get")
			s.registerPrometheus(method, "/"+q.name, id, q.summary, q.serve)
			s.registerPrometheus(method, "/api/v1/"+q.name, id+"-v1", q.summary+", under the path that Grafana asks for", q.serve)
		}
	}
	s.registerPrometheus(http.MethodGet, "/api/v1/label/{label}/values", "instances-metrics-label-values-v1", "List the values of a label", s.prometheus(s.labelValues))
}

const promQL = "As Prometheus' HTTP API has it: parameters in the query, or as a form. What is wrong with a query is said as Prometheus says it, with status 400, 422 or 503. Only series of this instance are there. A query has 20 seconds, 5 million samples in memory, and 11,000 points a series."

func (s *Server) registerPrometheus(method, path, id, summary string, serve func(w http.ResponseWriter, r *http.Request) bool) {
	register(s, Operation{Method: method, Path: metricsPath + path, ID: id, Tag: "metrics", Summary: summary, Description: promQL, Action: authz.InstanceMetrics, Unrepeatable: true, Serve: serve},
		func(context.Context, *InInstance) (*body[prometheusAnswer], error) { return nil, nil }) // Serve answers
}

// prometheusAnswer is what Prometheus' HTTP API answers with.
type prometheusAnswer struct {
	Status    string   `json:"status" enum:"success,error"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

// measured finds the instance that figures are asked of, and what its service shows.
func (s *Server) measured(ctx context.Context, name string) (v instance.View, d *servicepkg.Dashboard, err error) {
	err = s.Read(ctx, func(tx store.Tx, p Place) (err error) {
		v, err = s.Instances.Get(ctx, tx, at(p), name)
		return err
	})
	if err != nil {
		return v, nil, err
	}
	definition := s.Instances.Packages[v.Service].Definition
	for _, c := range definition.CapabilitiesWith(v.Driver) {
		if c.Name == "metrics" && !c.Offered {
			return v, nil, problem.Conflict("not-offered", "%s", strings.TrimSpace("This instance has no metrics. "+c.Note))
		}
	}
	if definition.Dashboard == nil {
		return v, nil, problem.Conflict("not-offered", "This instance has no metrics: its service declares none.")
	}
	if s.Metrics == nil {
		return v, nil, problem.Conflict("metrics-off", "No metrics are kept here: the operator of this Souk has named no store for them.")
	}
	return v, definition.Dashboard, nil
}

const longestSpan = 366 * 24 * time.Hour

func (s *Server) span(text string, start, end time.Time) (metrics.Span, error) {
	if !start.IsZero() || !end.IsZero() {
		if !start.Before(end) || end.Sub(start) > longestSpan {
			return metrics.Span{}, problem.InvalidField("query.start", start, "Give a start that lies before the end, by a year at most.")
		}
		return metrics.Span{Start: start, End: end}, nil
	}
	length, err := model.ParseDuration(text)
	if err != nil || length <= 0 || time.Duration(length) > longestSpan {
		return metrics.Span{}, problem.InvalidField("query.range", text, "Write a span such as 1h, 6h or 30d, a year at most.")
	}
	now := s.Real().Truncate(time.Second)
	return metrics.Span{Start: now.Add(-time.Duration(length)), End: now}, nil
}

// plainly makes a problem of why there are no figures.
func plainly(err error) error {
	var q *metrics.QueryError
	if errors.As(err, &q) {
		return &problem.Error{Status: statusOf(q), Code: "metrics-" + strings.ReplaceAll(q.Kind, "_", "-"), Detail: q.Detail}
	}
	return err
}

func statusOf(q *metrics.QueryError) int {
	switch q.Kind {
	case metrics.BadData:
		return http.StatusBadRequest
	case metrics.Execution:
		return http.StatusUnprocessableEntity
	}
	return http.StatusServiceUnavailable
}

// prometheus answers as Prometheus' own API does, also about what is wrong with a
// query.
func (s *Server) prometheus(ask func(r *http.Request, instanceID string) (data any, warnings []string, err error)) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		v, _, err := s.measured(r.Context(), r.PathValue("name"))
		if err == nil {
			if err = r.ParseForm(); err != nil {
				err = &metrics.QueryError{Kind: metrics.BadData, Detail: "The form cannot be read."}
			}
		}
		var data any
		var warnings []string
		if err == nil {
			data, warnings, err = ask(r, v.ID.String())
		}
		status, said := http.StatusOK, prometheusAnswer{Status: "success", Data: data, Warnings: warnings}
		var q *metrics.QueryError
		switch {
		case errors.As(err, &q):
			status, said = statusOf(q), prometheusAnswer{Status: "error", ErrorType: q.Kind, Error: q.Detail}
		case err != nil:
			s.refuse(w, r, err)
			return true
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(said) // fails only when the asker has gone
		return true
	}
}

func (s *Server) query(r *http.Request, id string) (any, []string, error) {
	at, err := s.moment(r.Form, "time", s.Real())
	if err != nil {
		return nil, nil, err
	}
	result, err := s.Metrics.Query(r.Context(), id, metrics.Query{Expr: r.Form.Get("query"), Start: at, End: at})
	return result.Data, result.Warnings, err
}

func (s *Server) queryRange(r *http.Request, id string) (any, []string, error) {
	start, err := s.moment(r.Form, "start", time.Time{})
	if err != nil {
		return nil, nil, err
	}
	end, err := s.moment(r.Form, "end", time.Time{})
	if err != nil {
		return nil, nil, err
	}
	step, err := stepOf(r.Form.Get("step"))
	if err != nil {
		return nil, nil, err
	}
	result, err := s.Metrics.Query(r.Context(), id, metrics.Query{Expr: r.Form.Get("query"), Start: start, End: end, Step: step})
	return result.Data, result.Warnings, err
}

// moment reads a time as Prometheus does: RFC 3339, or seconds since 1970.
func (s *Server) moment(form url.Values, name string, otherwise time.Time) (time.Time, error) {
	text := form.Get(name)
	if text == "" && !otherwise.IsZero() {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1e11 {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, &metrics.QueryError{Kind: metrics.BadData, Detail: fmt.Sprintf("The parameter %s is no time: write it as 2026-01-31T12:00:00Z, or in seconds since 1970.", name)}
	}
	return at, nil
}

// stepOf reads a step: seconds, or a duration such as 15s.
func stepOf(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e9 {
		return max(time.Duration(seconds*float64(time.Second)), time.Millisecond), nil
	}
	step, err := model.ParseDuration(text)
	if err != nil || step <= 0 {
		return 0, &metrics.QueryError{Kind: metrics.BadData, Detail: "The parameter step is no duration above 0: write it as 15s, or in seconds."}
	}
	return time.Duration(step), nil
}

// present is how far back series are listed unless it is said otherwise.
const present = time.Hour

// found lists the label sets that the request's selectors match.
func (s *Server) found(r *http.Request, id string) ([]map[string]string, error) {
	end, err := s.moment(r.Form, "end", s.Real())
	if err != nil {
		return nil, err
	}
	start, err := s.moment(r.Form, "start", end.Add(-present))
	if err != nil {
		return nil, err
	}
	return s.Metrics.Series(r.Context(), id, r.Form["match[]"], start, end)
}

func (s *Server) series(r *http.Request, id string) (any, []string, error) {
	sets, err := s.found(r, id)
	return append([]map[string]string{}, sets...), nil, err
}

func (s *Server) labels(r *http.Request, id string) (any, []string, error) {
	sets, err := s.found(r, id)
	names := []string{}
	for _, set := range sets {
		for name := range set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil, err
}

func (s *Server) labelValues(r *http.Request, id string) (any, []string, error) {
	sets, err := s.found(r, id)
	values := []string{}
	for _, set := range sets {
		if value, ok := set[r.PathValue("label")]; ok {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil, err
}

// serveScrape writes the latest figures as Prometheus scrapes them.
func (s *Server) serveScrape(w http.ResponseWriter, r *http.Request) bool {
	text, err := s.scraped(r.Context(), r.PathValue("name"))
	if err != nil {
		s.refuse(w, r, plainly(err))
		return true
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(text)) // fails only when the asker has gone
	return true
}

func (s *Server) scraped(ctx context.Context, name string) (string, error) {
	v, _, err := s.measured(ctx, name)
	if err != nil {
		return "", err
	}
	now := s.Real()
	result, err := s.Metrics.Query(ctx, v.ID.String(), metrics.Query{Expr: `{__name__!=""}`, Start: now, End: now})
	if err != nil {
		return "", err
	}
	return metrics.Exposition(result)
}
