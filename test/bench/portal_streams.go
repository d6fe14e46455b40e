package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// openStreams opens streams as that many pages would, and changes an instance.
func openStreams(ctx context.Context, e *env, p *plant, sessions []string) ([]row, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	name, err := p.someInstance(ctx)
	if err != nil {
		return nil, err
	}
	g := &getter{client: &http.Client{Transport: p.transport}, url: p.url + "/o/bench/stream?project=default", sessions: sessions}
	before, err := pss(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	told := make(chan time.Time, e.sizes.streams)
	for range e.sizes.streams {
		answer, err := g.open(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		go tell(answer.Body, told)
	}
	after, err := pss(p.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	idle, err := p.busy(ctx, e.sizes.idle/3)
	if err != nil {
		return nil, err
	}
	c, err := p.client(p.tokens[0])
	if err != nil {
		return nil, err
	}
	var took samples
	for i := range 5 {
		began := time.Now()
		if _, err := c.Organization("bench").Project("default").Patch(ctx, name, map[string]any{"metadata": map[string]any{"labels": map[string]string{"change": strconv.Itoa(i)}}}, ""); err != nil {
			return nil, err
		}
		for range e.sizes.streams {
			select {
			case at := <-told:
				took = append(took, at.Sub(began))
			case <-time.After(orderPatience):
				return nil, fmt.Errorf("a change reached %d streams of %d", len(took)-i*e.sizes.streams, e.sizes.streams)
			}
		}
	}
	return []row{
		{what: fmt.Sprintf("%d open streams, nothing changes", e.sizes.streams), measured: fmt.Sprintf("%.1f %% of one core, %s for each", 100*idle, fmt.Sprintf("%d KiB of memory", (after-before)>>10/int64(e.sizes.streams))),
			goal: "one core is enough", verdict: reached(idle < 1)},
		{what: fmt.Sprintf("a change until all %d streams have it", e.sizes.streams), measured: fmt.Sprintf("p50 %s, last %s", millis(took.median()), millis(took.quantile(1)))},
	}, nil
}

// tell notes when each change came.
func tell(stream io.Reader, told chan<- time.Time) {
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		if lines.Text() == "event: change" {
			told <- time.Now()
		}
	}
}

// busy returns which share of one core the control plane takes over a while.
func (p *plant) busy(ctx context.Context, window time.Duration) (float64, error) {
	before, err := readProcess(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := pause(ctx, window); err != nil {
		return 0, err
	}
	after, err := readProcess(p.cmd.Process.Pid)
	return float64(after.ticks-before.ticks) / clockTick / time.Since(began).Seconds(), err
}
