package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"souk/api"
)

// startUp measures `souk dev` on an existing folder with one instance: how long
// until the portal answers, and what all its processes take when nothing is
// going on.
func startUp(ctx context.Context, e *env) ([]row, error) {
	folder := filepath.Join(e.dir, "start")
	if err := e.furnish(ctx, folder); err != nil {
		return nil, err
	}
	var took samples
	for range e.sizes.starts - 1 {
		d, err := startDev(ctx, e, folder)
		if err != nil {
			return nil, err
		}
		took = append(took, d.took)
		if err := d.stop(); err != nil {
			return nil, err
		}
	}
	d, err := startDev(ctx, e, folder)
	if err != nil {
		return nil, err
	}
	defer d.stop()
	took = append(took, d.took)
	idle, err := d.idle(ctx, e.sizes.idle)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(e.souk)
	if err != nil {
		return nil, err
	}
	return append([]row{
		{what: fmt.Sprintf("souk dev on an existing folder → portal answers, median of %d", e.sizes.starts), measured: seconds(took.median()), goal: "< 3 s", verdict: reached(took.median() < 3*time.Second)},
		{what: "the program's size", measured: mebibytes(info.Size())},
	}, idle...), nil
}

// furnish makes a data folder with an instance that runs.
func (e *env) furnish(ctx context.Context, folder string) error {
	d, err := startDev(ctx, e, folder)
	if err != nil {
		return err
	}
	defer d.stop()
	acme, err := d.acme(ctx)
	if err != nil {
		return err
	}
	order := api.InstanceOrder{Spec: api.InstanceSpec{Service: "postgresql", Plan: "small"}}
	order.Metadata.Name = "db1"
	if _, err := acme.Order(ctx, order); err != nil {
		return err
	}
	return phase(ctx, acme, "db1", api.PhaseReady)
}

// settle is how long a fresh start is left alone before it counts as idle.
const settle = 10 * time.Second

// idle tells the memory and the processor time of all processes.
func (d *launcher) idle(ctx context.Context, window time.Duration) ([]row, error) {
	if _, err := d.acme(ctx); err != nil {
		return nil, err
	}
	if err := pause(ctx, min(settle, window)); err != nil {
		return nil, err
	}
	before, err := family(d.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := pause(ctx, window); err != nil {
		return nil, err
	}
	after, err := family(d.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(began).Seconds()
	was := map[int]int64{}
	for _, p := range before {
		was[p.pid] = p.ticks
	}
	memory, used := map[string]int64{}, map[string]int64{}
	for _, p := range after {
		n, err := pss(p.pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		memory[p.name] += n
		used[p.name] += p.ticks - was[p.pid]
	}
	share := func(ticks int64) float64 { return float64(ticks) / clockTick / elapsed * 100 }
	var memories, shares []string
	var allMemory, allUsed int64
	for _, name := range slices.Sorted(maps.Keys(memory)) {
		memories = append(memories, fmt.Sprintf("%s %s", name, mebibytes(memory[name])))
		shares = append(shares, fmt.Sprintf("%s %.1f %%", name, share(used[name])))
		allMemory += memory[name]
		allUsed += used[name]
	}
	return []row{
		{what: "idle memory with one instance (PSS): " + strings.Join(memories, ", "), measured: mebibytes(allMemory)},
		{what: fmt.Sprintf("idle processor over %.0f s, of one core: %s", window.Seconds(), strings.Join(shares, ", ")), measured: fmt.Sprintf("%.1f %%", share(allUsed))},
	}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
