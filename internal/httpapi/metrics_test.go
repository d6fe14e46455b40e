package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
	"souk/internal/servicepkg"
)

// figured is an instance with a figure of its own, each 15 s of the last minutes.
func figured(t *testing.T, e *httpapitest.Env, organization, project string, value float64) *httpapitest.Instance {
	t.Helper()
	i := e.Order(t, organization, project, freshName())
	ready(t, e, i)
	s := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "souk_memory_used_bytes"}, {Name: "instance_id", Value: i.ID.String()}, {Name: "organization", Value: organization}}}
	for n := range 20 {
		s.Samples = append(s.Samples, prompb.Sample{Timestamp: e.Clock.Now().Add(time.Duration(n-20) * 15 * time.Second).UnixMilli(), Value: value})
	}
	if err := e.Metrics.Append(t.Context(), []prompb.TimeSeries{s}); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestMetrics(t *testing.T) {
	e := httpapitest.New(t)
	mine, theirs := figured(t, e, httpapitest.Own, httpapitest.OwnProject, 4711), figured(t, e, httpapitest.Other, httpapitest.OtherProject, 815)
	token := e.Token(t, httpapitest.Own, "", api.RoleViewer)
	at := own.inProject("/instances/" + mine.Name + "/metrics")
	ask := func(method, path string) httpapitest.Response {
		return e.Do(t, httpapitest.Request{Method: method, Path: at + path, Token: token})
	}
	t.Run("the dashboard", func(t *testing.T) {
		var m api.Metrics
		ask("GET", "?range=5m&points=20").Want(t, 200).Decode(t, &m)
		for _, p := range m.Panels {
			if p.Title == "Memory" {
				if last := p.Series[0].Values[len(p.Series[0].Values)-1]; last == nil || *last != 4711 {
					t.Errorf("%+v", p)
				}
				return
			}
		}
		t.Errorf("there is no panel about memory: %+v", m)
	})
	t.Run("PromQL, in both forms", func(t *testing.T) {
		for _, path := range []string{"/query?query=", "/api/v1/query?query="} {
			for _, method := range []string{"GET", "POST"} {
				got := ask(method, path+url.QueryEscape(`sum({instance_id=~".+"})`)).Want(t, 200)
				if !strings.Contains(string(got.Body), `"4711"`) {
					t.Errorf("%s %s: %s", method, path, got.Body)
				}
			}
		}
	})
	t.Run("a form in the body", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), "POST", e.URL+at+"/api/v1/query_range", strings.NewReader(url.Values{
			"query": {"souk_memory_used_bytes"}, "start": {fmt.Sprint(e.Clock.Now().Add(-time.Minute).Unix())}, "end": {fmt.Sprint(e.Clock.Now().Unix())}, "step": {"15s"},
		}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var said struct{ Status string }
		if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != 200 || said.Status != "success" {
			t.Error(answer.StatusCode, said, err)
		}
	})
	t.Run("series, labels and values", func(t *testing.T) {
		for path, want := range map[string]string{
			"/api/v1/series?match[]=souk_memory_used_bytes": mine.ID.String(), "/api/v1/labels": `"organization"`,
			"/api/v1/label/organization/values": `["` + httpapitest.Own + `"]`, "/scrape": "souk_memory_used_bytes{", "/grafana": "$__rate_interval",
		} {
			if got := ask("GET", path).Want(t, 200); !strings.Contains(string(got.Body), want) || strings.Contains(string(got.Body), theirs.ID.String()) {
				t.Errorf("%s: %s", path, got.Body)
			}
		}
	})
	t.Run("bad questions", func(t *testing.T) {
		for path, says := range map[string]string{
			"/query?query=sum((": "not PromQL", "/query": "empty", "/query?query=up&time=noon": "time", "/query_range?query=up&start=1&end=2": "step",
			"/query_range?query=up&start=1&end=999999999&step=1": "11,000", "/query_range?query=up&end=2&step=1": "start", "/series?match[]=((": "not PromQL",
		} {
			r, _ := http.NewRequestWithContext(t.Context(), "GET", e.URL+at+path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var said struct{ Status, ErrorType, Error string }
			if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != 400 || said.Status != "error" || said.ErrorType != "bad_data" || !strings.Contains(said.Error, says) {
				t.Errorf("%s: %d %+v, %v", path, answer.StatusCode, said, err)
			}
			answer.Body.Close()
		}
		for _, path := range []string{"?range=nonsense", "?range=9999d", "?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z"} {
			ask("GET", path).Want(t, 422)
		}
	})
}

// Where the zone's driver does not collect, it is said, with the package's note.
func TestMetricsThatAreNotOffered(t *testing.T) {
	const note = "Figures are collected elsewhere only."
	e := httpapitest.New(t, func(c *httpapi.Config) {
		p := c.Instances.Packages[httpapitest.Service]
		capabilities := slices.Clone(p.Definition.Capabilities)
		for i := range capabilities {
			if capabilities[i].Name == "metrics" {
				capabilities[i].Drivers = map[string]servicepkg.DriverCapability{"fake": {Note: note}}
			}
		}
		p.Definition.Capabilities = capabilities
		c.Instances.Packages[httpapitest.Service] = p
	})
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	for _, path := range []string{"", "/query?query=up", "/scrape", "/grafana"} {
		got := e.Do(t, httpapitest.Request{Method: "GET", Path: own.inProject("/instances/" + i.Name + "/metrics" + path), Token: e.Token(t, httpapitest.Own, "", api.RoleViewer)}).Want(t, 409)
		if !strings.Contains(string(got.Body), "not-offered") || !strings.Contains(string(got.Body), note) {
			t.Errorf("%s", got.Body)
		}
	}
}

// Without a store it is said who has to act.
func TestMetricsWithoutAStore(t *testing.T) {
	e := httpapitest.New(t, func(c *httpapi.Config) { c.Metrics = nil })
	i := e.Ready(t, httpapitest.Own, httpapitest.OwnProject)
	for _, path := range []string{"", "/query?query=up", "/scrape"} {
		got := e.Do(t, httpapitest.Request{Method: "GET", Path: own.inProject("/instances/" + i.Name + "/metrics" + path), Token: e.Token(t, httpapitest.Own, "", api.RoleViewer)}).Want(t, 409)
		if !strings.Contains(string(got.Body), "operator") || !strings.Contains(string(got.Body), "metrics-off") {
			t.Errorf("%s", got.Body)
		}
	}
}
