package main

import (
	"os"
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
		pairs: 1, starts: 1, idle: time.Millisecond, few: 3, many: 450, orders: 2, pages: 2, window: 10 * time.Millisecond, windows: 1, streams: 2,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	rows, err := e.measure(t.Context(), []benchmark{{"dispatch", dispatch}, {"list", listPage}, {"cost", costAndAudit}})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 10 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, r := range rows {
		if r.benchmark == "" || r.what == "" || r.measured == "" || (r.goal != "") != (r.verdict != information) {
			t.Errorf("an incomplete row: %+v", r)
		}
	}
	if made := page(e.machine(), rows); strings.Contains(made, e.dir) || strings.Contains(made, e.root) {
		t.Error("the page tells paths of this machine")
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
