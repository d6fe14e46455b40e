package agent_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"souk/internal/agent"
	"souk/internal/agent/agenttest"
	"souk/internal/agentapi"
)

// BenchmarkDispatch is the time from an order being accepted by a control plane
// in memory until the agent's driver is called for it, with the order durable
// in the agent's cache, beside instances that idle.
func BenchmarkDispatch(b *testing.B) {
	for _, idle := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("idle=%d", idle), func(b *testing.B) { dispatch(b, idle) })
	}
}

func dispatch(b *testing.B, idle int) {
	server := agenttest.New(b, agenttest.Options{})
	zone := newZone()
	called := make(chan string, idle)
	zone.hook(func(_ context.Context, _, id string) error { called <- id; return nil })
	for i := range idle {
		server.Want(wanted(fmt.Sprintf("idle%d", i), 1, agentapi.IntentActive))
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		config := agent.Config{Server: server.URL(), DataDir: b.TempDir(), ServerCAFile: server.CAFile(), EnrolTokenFile: server.TokenFile()}
		done <- agent.Run(ctx, config, zone, agent.Deps{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	}()
	defer func() { cancel(); <-done }()
	for range idle {
		<-called
	}
	server.Await("all are reported", func() bool { return len(server.Facts()) == 2*idle })
	var worst time.Duration
	n := 0
	for b.Loop() {
		n++
		id := fmt.Sprintf("new%d", n)
		start := time.Now()
		server.Want(wanted(id, 1, agentapi.IntentActive))
		for <-called != id {
		}
		worst = max(worst, time.Since(start))
	}
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
}
