package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"souk/internal/store"
)

// measures are what a replica tells of itself on its admin listener.
type measures struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMeasures(st *store.Store) *measures {
	m := &measures{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "souk_http_request_duration_seconds", Help: "Time to answer requests, streams excepted.",
			Buckets: []float64{.001, .0025, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "status"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for role, pool := range st.Pools() {
		labels := prometheus.Labels{"role": role}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "souk_record_connections", Help: "Connections to the record.", ConstLabels: labels},
				func() float64 { return float64(pool.Stat().TotalConns()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "souk_record_connections_busy", Help: "Connections to the record in use.", ConstLabels: labels},
				func() float64 { return float64(pool.Stat().AcquiredConns()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "souk_record_connections_max", Help: "Connections to the record at most.", ConstLabels: labels},
				func() float64 { return float64(pool.Stat().MaxConns()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "souk_record_waits_total", Help: "Times that work waited for a connection to the record.", ConstLabels: labels},
				func() float64 { return float64(pool.Stat().EmptyAcquireCount()) }),
		)
	}
	return m
}

// request notes an answered request.
func (m *measures) request(operation string, status int, took time.Duration) {
	if operation == "" {
		operation = "other"
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Observe(took.Seconds())
}

// serveAdmin serves what the operator's own network may see, until ctx ends.
func (cp *ControlPlane) serveAdmin(ctx context.Context) error {
	if cp.config.AdminListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", cp.config.AdminListen)
	if err != nil {
		return fmt.Errorf("cannot listen for the operator's monitoring on %s: %w", cp.config.AdminListen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cp.measures.registry, promhttp.HandlerOpts{}))
	for _, path := range []string{"/healthz", "/readyz"} {
		mux.Handle("GET "+path, cp.api.Handler())
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
