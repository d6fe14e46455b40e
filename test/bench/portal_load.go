package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// load is what a browser tells of the first look at a page.
type load struct {
	Path     string
	Bytes    int64   // over the wire
	Requests int     // the page's own among them
	LCP      float64 // milliseconds: largest contentful paint
	CLS      float64 // cumulative layout shift, without a unit
}

// weightGoal is what a first look may weigh.
const weightGoal = 150_000

// firstLoads has headless Chromium look at pages with an empty cache.
func firstLoads(ctx context.Context, e *env, p *plant, session string) ([]row, error) {
	tests := filepath.Join(e.root, "test", "browser")
	install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	install.Dir = tests
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	cmd := exec.CommandContext(ctx, "node", "load.mjs", "/", "/catalog/postgresql", "/login", "/o/bench", "/o/bench/instances")
	cmd.Dir, cmd.Stderr = tests, os.Stderr
	cmd.Env = append(os.Environ(), "BASE="+p.url, "SESSION="+session)
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var loads []load
	if err := json.Unmarshal(out, &loads); err != nil {
		return nil, err
	}
	var rows []row
	for _, l := range loads {
		rows = append(rows, row{what: "first look at " + l.Path + " in headless Chromium, median of 5",
			measured: fmt.Sprintf("%.1f kB, %d requests, largest paint after %.0f ms, layout shift %.3f", float64(l.Bytes)/1000, l.Requests, l.LCP, l.CLS),
			goal:     "< 150 kB, no shift", verdict: reached(l.Bytes < weightGoal && l.CLS == 0)})
	}
	return rows, nil
}
