package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if config := os.Getenv(bareEnv); config != "" { // started as the baseline of a listing
		exitOn(serveBare(config))
		return
	}
	os.Exit(m.Run())
}

// Every benchmark that does not take over the machine runs, with tiny sizes, and
// what is seeded holds under all constraints. No figure is looked at.
func TestBenchmarksRun(t *testing.T) {
	e, err := newEnv(t.Context(), options{sizes: sizes{
		pairs: 1, starts: 1, idle: time.Millisecond, few: 3, many: 450, orders: 2, pages: 2, window: 10 * time.Millisecond, windows: 1, streams: 2, measured: 3, history: 6 * time.Hour, dashboards: 2,
		customers: 3, lines: 4, documents: 2, growing: 2, events: 1500,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	var all []row
	for _, b := range []benchmark{{"dispatch", dispatch}, {"list", listPage}, {"cost", costAndAudit}, {"invoices", invoiceRuns}, {"usage", usageEvents}, {"dashboard", dashboardQueries}} {
		t.Run(b.name, func(t *testing.T) {
			rows, err := e.measure(t.Context(), []benchmark{b})
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				t.Error("no rows")
			}
			for _, r := range rows {
				if r.benchmark != b.name || r.what == "" || r.measured == "" || (r.goal != "") != (r.verdict != information) {
					t.Errorf("an incomplete row: %+v", r)
				}
			}
			all = append(all, rows...)
		})
	}
	if made := page(e.machine(), all); strings.Contains(made, e.dir) || strings.Contains(made, e.root+"/") {
		t.Error("the page tells paths of this machine")
	}
}

// A getter asks with one token or session after the other, and tells of what is no answer.
func TestGetter(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			http.NotFound(w, r)
			return
		}
		session := ""
		if c, err := r.Cookie(sessionCookie); err == nil {
			session = c.Value
		}
		asked = append(asked, r.Header.Get("Authorization")+" "+session+" "+r.URL.RawQuery)
	}))
	defer server.Close()
	for _, g := range []*getter{{tokens: []string{"a", "b"}}, {sessions: []string{"x", "y"}}, {}} {
		g.client, g.url = server.Client(), server.URL
		for _, query := range []url.Values{nil, {"limit": {"1"}}} {
			if _, err := g.get(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"Bearer b  ", "Bearer a  limit=1", " y ", " x limit=1", "  ", "  limit=1"}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	none := &getter{client: server.Client(), url: server.URL + "/none"}
	if _, err := none.get(t.Context(), nil); err == nil {
		t.Error("a page that is not there is taken for an answer")
	}
}

func TestStatistics(t *testing.T) {
	s := samples{5, 1, 4, 2, 3}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := s.quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := medianRatio([]float64{1, 20, 3}, []float64{1, 2, 1}); got != 3 {
		t.Errorf("the median of the ratios is %v, want 3", got)
	}
}

func TestChoice(t *testing.T) {
	for only, want := range map[string]int{"": len(benchmarks), "list": 1, "list,cost": 2, "nothing": 0} {
		chosen, err := choose(only)
		if len(chosen) != want || (want == 0) != (err != nil) {
			t.Errorf("%q chooses %d, %v", only, len(chosen), err)
		}
	}
}
