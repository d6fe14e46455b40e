// Command demomonth plays a month of customers, on a moved clock, with a real `souk
// dev` in a temporary folder and a zone that is marked simulated, and checks what it has
// come to. It prints each check with its figures, and ends with 1 where one fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.souk, "souk", "bin/souk", "the program")
	flag.StringVar(&o.keep, "keep", "", "play in this folder, which must not exist yet, and leave it behind")
	flag.BoolVar(&o.stay, "stay", false, "leave souk dev running until Ctrl-C, to look at the month in the portal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	souk, keep string
	stay       bool
}

// errFailed ends a run of which a check failed.
var errFailed = errors.New("the month is not what it has to be")

func run(ctx context.Context, o options) (err error) {
	folder, err := folder(o.keep)
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer os.RemoveAll(folder)
	}
	began := time.Now()
	dev, err := launch(ctx, o.souk, filepath.Join(folder, "data"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.stop()) }()
	m, err := newMonth(ctx, dev, folder)
	if err != nil {
		return err
	}
	defer m.zone.leave()
	if err := m.play(ctx); err != nil {
		return fmt.Errorf("the month could not be played: %w\n%s", err, dev.said())
	}
	fmt.Printf("Played %s in %s.\n\n", m.calendar.name, time.Since(began).Round(time.Second))
	failed := report(ctx, m)
	if o.stay {
		fmt.Printf("\n%s\nThe portal is at %s. Ctrl-C ends it.\n", dev.greeting(), dev.url)
		<-ctx.Done()
	}
	if failed > 0 {
		return fmt.Errorf("%w: %d of %d checks failed", errFailed, failed, len(checks))
	}
	return nil
}

// folder is where the month is played. Only its owner can enter it, as with a home.
func folder(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "souk-month")
	}
	path, err := filepath.Abs(keep)
	if err != nil {
		return "", err
	}
	return path, os.Mkdir(path, 0o700)
}

// report prints every check, and returns how many failed.
func report(ctx context.Context, m *month) (failed int) {
	for _, c := range checks {
		figures, err := c.check(ctx, m)
		verdict := "ok    "
		if err != nil {
			verdict = "FAILED"
			failed++
		}
		fmt.Printf("%s  %s: %s\n", verdict, c.name, figures)
		if err != nil {
			fmt.Printf("        %v\n", err)
		}
	}
	return failed
}
