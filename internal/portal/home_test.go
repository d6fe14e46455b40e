package portal

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/api"
)

func get(t *testing.T, services Services, path string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	Mount(mux, services, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestHomeShowsWhatIsOffered(t *testing.T) {
	offered := []api.Service{{Title: "PostgreSQL", Summary: "<script>alert(1)</script>", Offerings: []api.Offering{{Zone: "local", Available: true, Plans: []api.PlanPrice{
		{Plan: "small", Items: []api.PriceItem{{Item: "compute", Unit: "hour", Price: api.Money{Amount: "0.02", Currency: "CHF"}}}, Hour: api.Money{Amount: "0.02", Currency: "CHF"}, Month: api.Money{Amount: "16.40", Currency: "CHF"}}}}}}}
	w := get(t, func(context.Context) ([]api.Service, error) { return offered, nil }, "/")
	page := w.Body.String()
	for _, want := range []string{"PostgreSQL", "small", "compute CHF 0.02 per hour", "CHF 16.40", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "<script") {
		t.Error("the page carries a script")
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestHomeWithNothingOffered(t *testing.T) {
	w := get(t, func(context.Context) ([]api.Service, error) { return nil, nil }, "/")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Nothing is offered yet") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

func TestHomeWhenTheRecordIsAway(t *testing.T) {
	w := get(t, func(context.Context) ([]api.Service, error) { return nil, errors.New("password=secret") }, "/")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}
