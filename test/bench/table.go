package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table. Ratio and goal are empty where there is none.
type row struct {
	benchmark                             string
	what, measured, baseline, ratio, goal string
	verdict                               verdict
}

// verdict says how a figure stands to its goal.
type verdict string

const (
	met         verdict = "met"
	missed      verdict = "MISSED"
	undecided   verdict = "undecided: the baseline misses it too"
	information verdict = ""
)

func reached(ok bool) verdict {
	if ok {
		return met
	}
	return missed
}

var headings = []string{"benchmark", "what", "Souk", "baseline", "ratio", "goal", ""}

func (r row) cells() []string {
	return []string{r.benchmark, r.what, r.measured, r.baseline, r.ratio, r.goal, string(r.verdict)}
}

// text is the table for a terminal.
func text(rows []row) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r.cells(), "\t"))
	}
	_ = w.Flush()
	return b.String()
}

// page is the document docs/benchmarks.md.
func page(machine string, rows []row) string {
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "\nMade by `make bench BENCH_FLAGS=-write` on %s: %s\n\n", time.Now().UTC().Format(time.DateOnly), machine)
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(headings)
	line(strings.Split(strings.Repeat("---,", len(headings)-1)+"---", ","))
	for _, r := range rows {
		line(r.cells())
	}
	b.WriteString(explanation)
	return b.String()
}

// readLoad says how busy the machine is with other work, when a run begins.
func readLoad() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "load unknown"
	}
	return "load average " + strings.Fields(string(text))[0] + " before the run"
}

// machine describes where the figures were taken.
func (e *env) machine() string {
	return fmt.Sprintf("%d cores, PostgreSQL %s, %s, %s/%s, %s.", runtime.NumCPU(), e.programs.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, e.load)
}
