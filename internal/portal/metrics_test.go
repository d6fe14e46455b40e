package portal_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"

	"souk/api"
	"souk/internal/httpapi"
	"souk/internal/httpapi/httpapitest"
)

// The page holds the values as tables, for whoever sees no charts, and leads to the
// lines of the charts and to Grafana's dashboard.
func TestMetricsPage(t *testing.T) {
	s := newSite(t)
	i := s.made(t)
	series := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: "souk_memory_used_bytes"}, {Name: "instance_id", Value: i.ID.String()}}}
	for n := range 300 {
		series.Samples = append(series.Samples, prompb.Sample{Timestamp: s.Clock.Now().Add(time.Duration(n-300) * 15 * time.Second).UnixMilli(), Value: 64 << 20})
	}
	if err := s.Metrics.Append(t.Context(), []prompb.TimeSeries{series}); err != nil {
		t.Fatal(err)
	}
	viewer := s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer)
	page := viewer.get(t, ownInstances+i.Name+"/metrics").want(t, 200).says(t, "Memory", "64.0 MiB", "As a table", "Nothing is known of this span.")
	if n := strings.Count(page.text, "64.0 MiB"); n != 9 {
		t.Errorf("the table has %d moments", n)
	}
	var data api.Metrics
	answer := viewer.get(t, page.between(t, `data-metrics="`, `"`)).want(t, 200)
	if err := json.Unmarshal([]byte(answer.text), &data); err != nil || len(data.Panels) < 8 || data.StepSeconds != 15 {
		t.Errorf("%v, %+v", err, data)
	}
	viewer.get(t, ownInstances+i.Name+"/metrics?from=2020-01-01T00:00&to=2020-01-02T00:00").want(t, 200).says(t, "Nothing is known of this span.")
	viewer.get(t, ownInstances+i.Name+"/metrics?range=nonsense").want(t, 200).says(t, "cannot be carried out")
	if got := viewer.get(t, ownInstances+i.Name+"/metrics/grafana.json").want(t, 200); !strings.Contains(got.text, "$__rate_interval") {
		t.Error(got.text)
	}
}

// Where nothing is kept the page says so.
func TestMetricsPageWithoutAStore(t *testing.T) {
	s := newSite(t, func(c *httpapi.Config) { c.Metrics = nil })
	i := s.made(t)
	s.person(t, httpapitest.Own, fresh()+"@acme.example", api.RoleViewer).get(t, ownInstances+i.Name+"/metrics").want(t, 200).says(t, "No metrics are kept here")
}
