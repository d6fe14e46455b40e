package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"souk/api"
)

var probingFigure = regexp.MustCompile(`([0-9.e+-]+) (\S+)`)

// probing measures what trying instances as their clients do takes: of an agent with
// 1,000 of them, and of the smallest server of each service. And how far off outages
// of known length are told.
func probing(ctx context.Context, e *env) ([]row, error) {
	rows, err := probingAgent(ctx, e)
	if err != nil {
		return nil, err
	}
	more, err := probedServers(ctx, e)
	return append(rows, more...), err
}

// probingAgent runs the prober's own benchmark.
func probingAgent(ctx context.Context, e *env) ([]row, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkProbing$", "-benchtime", "1x", "./internal/agent/probe")
	cmd.Dir, cmd.Stderr = e.root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	figures := map[string]float64{}
	for _, m := range probingFigure.FindAllStringSubmatch(string(regexp.MustCompile(`\s+`).ReplaceAll(out, []byte(" "))), -1) {
		if n, err := strconv.ParseFloat(m[1], 64); err == nil {
			figures[m[2]] = n
		}
	}
	if figures["outages"] == 0 {
		return nil, fmt.Errorf("the prober's benchmark printed no figure: %s", out)
	}
	const bound = 6000 // ms: from one read to the next, and the time that one may take
	off := max(figures["ms-off-where-refused"], figures["ms-off-where-hung"])
	return []row{
		{what: "processor of an agent that tries 1000 instances (a read a second, a TLS connection each 10 s, a write each 30 s), of one core", measured: fmt.Sprintf("%.1f %%", figures["%-of-a-core"])},
		{what: "memory that it takes for each", measured: fmt.Sprintf("%.0f KiB", figures["KiB/instance"])},
		{what: fmt.Sprintf("%.0f outages of 2 to 34 s among them: not told, or told and not there", figures["outages"]), measured: fmt.Sprintf("%.0f", figures["outages-not-told-or-made-up"]), goal: "0", verdict: reached(figures["outages-not-told-or-made-up"] == 0)},
		{what: "the same: most that an edge was off", measured: fmt.Sprintf("%.1f s where refused, %.1f s where hung", figures["ms-off-where-refused"]/1000, figures["ms-off-where-hung"]/1000), goal: "≤ interval + timeout (6 s)", verdict: reached(off <= bound)},
	}, nil
}

// probedServers measures the processor time of the smallest servers with nobody but the
// agent there, and with the agent stopped.
func probedServers(ctx context.Context, e *env) ([]row, error) {
	d, err := startDev(ctx, e, filepath.Join(e.dir, "probe"))
	if err != nil {
		return nil, err
	}
	defer d.stop()
	acme, err := d.acme(ctx)
	if err != nil {
		return nil, err
	}
	engines := map[string]string{"postgresql": "postgres", "redis": "redis-server"}
	services := []string{"postgresql", "redis"}
	for _, service := range services {
		order := api.InstanceOrder{Spec: api.InstanceSpec{Service: service, Plan: "small"}}
		order.Metadata.Name = service
		if _, err := acme.Order(ctx, order); err != nil {
			return nil, err
		}
		if err := phase(ctx, acme, service, api.PhaseReady); err != nil {
			return nil, err
		}
	}
	tried, err := d.servers(ctx, 4*e.sizes.idle)
	if err != nil {
		return nil, err
	}
	agent, err := d.member("souk agent")
	if err != nil {
		return nil, err
	}
	if err := syscall.Kill(agent, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	alone, err := d.servers(ctx, 4*e.sizes.idle)
	if err := syscall.Kill(agent, syscall.SIGCONT); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, service := range services {
		name := engines[service]
		rows = append(rows, row{what: fmt.Sprintf("processor of an idle %s of plan small, tried and measured by the agent, over %.0f s, of one core", service, 4*e.sizes.idle.Seconds()),
			measured: fmt.Sprintf("%.2f %%", tried[name]), baseline: fmt.Sprintf("the agent stopped: %.2f %%", alone[name])})
	}
	return rows, nil
}

// member returns the process of souk dev that has this name.
func (d *launcher) member(name string) (int, error) {
	all, err := family(d.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if p.name == name {
			return p.pid, nil
		}
	}
	return 0, fmt.Errorf("souk dev has no process %q", name)
}

// servers returns how much of one core each instance's engine takes for a while, in
// percent, by the name of its program.
func (d *launcher) servers(ctx context.Context, window time.Duration) (map[string]float64, error) {
	if err := pause(ctx, min(settle, window)); err != nil {
		return nil, err
	}
	before, err := d.engineTicks()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pause(ctx, window); err != nil {
		return nil, err
	}
	after, err := d.engineTicks()
	if err != nil {
		return nil, err
	}
	used := map[string]float64{}
	for name, ticks := range after {
		used[name] = float64(ticks-before[name]) / clockTick / time.Since(began).Seconds() * 100
	}
	return used, nil
}

// engineTicks is the processor time of what runs under the shims, that of ended
// children included.
func (d *launcher) engineTicks() (map[string]int64, error) {
	all, err := family(d.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	under := map[int]bool{}
	for _, p := range all {
		if p.name == "souk shim" {
			under[p.pid] = true
		}
	}
	ticks := map[string]int64{}
	for range all { // deep enough
		for _, p := range all {
			if under[p.parent] && !under[p.pid] {
				under[p.pid] = true
				ticks[p.name] += p.ticks + p.ended
			}
		}
	}
	return ticks, nil
}
