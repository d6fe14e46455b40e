package controlplane

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"souk/internal/store/storetest"
)

func TestMetricsTellOfRequestsAndTheRecord(t *testing.T) {
	m := newMeasures(storetest.New(t))
	m.request("instances-list", 200, 3*time.Millisecond)
	m.request("", 404, time.Millisecond)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`souk_http_request_duration_seconds_count{operation="instances-list",status="200"} 1`,
		`souk_http_request_duration_seconds_count{operation="other",status="404"} 1`,
		`souk_record_connections_max{role="souk_app"} 8`, `souk_record_connections{role="souk_system"}`, "go_goroutines",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("there is no %s in\n%s", want, w.Body)
		}
	}
}
