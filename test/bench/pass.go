package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

const passed = 10_000 // instances

var benchLine = regexp.MustCompile(`(?m)^BenchmarkNoChangePass\S*\s+\d+\s+(\d+) ns/op`)

// noChangePass runs the agent's own benchmark: a look at 10,000 instances of
// which nothing has changed, on one core.
func noChangePass(ctx context.Context, e *env) ([]row, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", fmt.Sprintf("NoChangePass/instances=%d$", passed), "-cpu", "1", "-benchtime", "5x", "./internal/agent/reconcile")
	cmd.Dir, cmd.Stderr = e.root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	m := benchLine.FindSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("the agent's benchmark printed no figure: %s", out)
	}
	ns, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		return nil, err
	}
	took := time.Duration(ns)
	return []row{{what: fmt.Sprintf("agent's full no-change pass, %d instances, one core", passed), measured: millis(took), goal: "< 10 s", verdict: reached(took < 10*time.Second)}}, nil
}
