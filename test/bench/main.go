// Command bench measures Souk against the speeds that it is meant to reach, each
// with a baseline in the same run, and prints the table. Nothing here passes or
// fails: a table is for people, and timed tests are for nobody.
//
//	go run ./test/bench               all of it
//	go run ./test/bench -run list     one of it
//	go run ./test/bench -write        and write docs/benchmarks.md
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// benchmark is one part of the run.
type benchmark struct {
	name string
	run  func(ctx context.Context, e *env) ([]row, error)
}

var benchmarks = []benchmark{
	{"order", orderToQuery},
	{"start", startUp},
	{"backup", backupAndRestore},
	{"pass", noChangePass},
	{"probe", probing},
	{"dispatch", dispatch},
	{"list", listPage},
	{"cost", costAndAudit},
	{"invoices", invoiceRuns},
	{"usage", usageEvents},
	{"portal", portalPages},
	{"dashboard", dashboardQueries},
}

func main() {
	if config := os.Getenv(bareEnv); config != "" {
		exitOn(serveBare(config))
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	only  string
	souk  string
	write bool
	hold  bool
	sizes sizes
}

// sizes of what is measured. Tests make them tiny.
type sizes struct {
	pairs      int           // of an order and the script
	backups    int           // pairs of a backup and a restore
	backupMiB  int           // of data in them
	starts     int           // of souk dev
	idle       time.Duration // over which the idle processor time is taken
	few, many  int           // instances stored
	orders     int           // measured for dispatch, for each size
	pages      int           // measured for latency, of each kind
	window     time.Duration // of one measurement of throughput
	windows    int
	streams    int           // open at once
	measured   int           // instances with a month of figures
	history    time.Duration // of them
	dashboards int           // read, of each span
	customers  int           // whose month is closed
	lines      int           // of each of their invoices
	documents  int           // invoices whose documents are made
	growing    int           // customers whose twelve months are closed
	events     int           // of usage
}

var fullSize = sizes{
	pairs: 10, backups: 5, backupMiB: 256, starts: 5, idle: 30 * time.Second, few: 100, many: 100_000, orders: 300,
	pages: 400, window: 2 * time.Second, windows: 5, streams: 200, measured: 1000, history: month, dashboards: 100,
	customers: 10_000, lines: 100, documents: 200, growing: 500, events: 200_000,
}

func run(ctx context.Context, args []string) error {
	o := options{sizes: fullSize}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.only, "run", "", "only these, with commas between: "+strings.Join(names(), ", "))
	flags.StringVar(&o.souk, "souk", "", "the program to measure; without one it is built")
	flags.BoolVar(&o.write, "write", false, "write the table to docs/benchmarks.md (needs a run of everything)")
	flags.BoolVar(&o.hold, "hold", false, "wait for Ctrl-C at the end, to look at what was measured")
	flags.IntVar(&o.sizes.pairs, "pairs", o.sizes.pairs, "pairs of an order and the script by hand")
	flags.IntVar(&o.sizes.many, "instances", o.sizes.many, "instances stored, where there are many")
	flags.IntVar(&o.sizes.customers, "customers", o.sizes.customers, "organizations whose month is closed")
	flags.IntVar(&o.sizes.growing, "growing", o.sizes.growing, "organizations whose twelve months are closed")
	flags.IntVar(&o.sizes.events, "events", o.sizes.events, "events of usage")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if o.write && o.only != "" {
		return fmt.Errorf("docs/benchmarks.md holds the whole table: leave -run away to write it")
	}
	e, err := newEnv(ctx, o)
	if err != nil {
		return err
	}
	defer e.close()
	rows, err := e.measure(ctx, chosen)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s\n%s", e.machine(), text(rows))
	if o.hold {
		fmt.Fprintf(os.Stderr, "\nHolding %s; Ctrl-C cleans up.\n", e.dir)
		<-ctx.Done()
	}
	if !o.write {
		return nil
	}
	return os.WriteFile(filepath.Join(e.root, "docs", "benchmarks.md"), []byte(page(e.machine(), rows)), 0o644)
}

func names() []string {
	var all []string
	for _, b := range benchmarks {
		all = append(all, b.name)
	}
	return all
}

func choose(only string) ([]benchmark, error) {
	if only == "" {
		return benchmarks, nil
	}
	var chosen []benchmark
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(benchmarks, func(b benchmark) bool { return b.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no benchmark %q; there are: %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, benchmarks[i])
	}
	return chosen, nil
}

// measure runs the benchmarks one after the other.
func (e *env) measure(ctx context.Context, chosen []benchmark) ([]row, error) {
	var rows []row
	for _, b := range chosen {
		began := time.Now()
		found, err := b.run(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.name, err)
		}
		for i := range found {
			found[i].benchmark = b.name
		}
		rows = append(rows, found...)
		e.say("%s took %s", b.name, time.Since(began).Round(time.Second))
	}
	return rows, nil
}
