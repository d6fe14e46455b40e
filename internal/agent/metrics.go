package agent

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"souk/internal/agent/link"
	"souk/internal/agent/metrics"
	"souk/internal/agentapi"
	"souk/internal/driver"
)

// offFor is how long nothing is collected after a control plane has said that it
// keeps no metrics.
const offFor = 5 * time.Minute

// startMetrics begins to collect and send figures, where the driver can tell them.
func (s *session) startMetrics(start func(func(context.Context) error)) error {
	sampler, ok := s.driver.(driver.Sampler)
	if !ok || s.config.Metrics.Off {
		return nil
	}
	spool, err := metrics.OpenSpool(filepath.Join(s.config.DataDir, "metrics"), s.config.Metrics.BufferMiB<<20, s.log)
	if err != nil {
		return err
	}
	collector := metrics.New(metrics.Options{
		Sampler: sampler, Instances: s.store.IDs, Interval: time.Duration(s.config.Metrics.Interval),
		Spool: spool, Now: s.deps.Clock, Logger: s.log,
	})
	start(collector.Run)
	start(s.afterGreeting(func(ctx context.Context) error { return s.sendMetrics(ctx, spool, collector) }))
	return nil
}

// sendMetrics sends what was collected whenever there is something.
func (s *session) sendMetrics(ctx context.Context, spool *metrics.Spool, collector *metrics.Collector) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-spool.News():
		}
		var off bool
		err := s.attempt(ctx, "send metrics", func(ctx context.Context, well func()) (err error) {
			off, err = s.sendSpool(ctx, spool, well)
			return err
		})
		if err != nil || ctx.Err() != nil {
			return err
		}
		if off {
			s.log.Warn("the control plane keeps no metrics; none are collected for a while", "while", offFor)
			collector.Pause(true)
			spool.Clear()
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(offFor):
			}
			collector.Pause(false)
		}
	}
}

// sendSpool sends all that is kept, oldest first. What the control plane will never
// take is given up, so that it does not hold up the rest.
func (s *session) sendSpool(ctx context.Context, spool *metrics.Spool, well func()) (off bool, err error) {
	for ctx.Err() == nil {
		number, request, ok := spool.Oldest()
		if !ok {
			return false, nil
		}
		receipt, err := s.client.Metrics(ctx, request)
		var refused *link.Problem
		switch {
		case err == nil:
			well()
			if receipt.SetAside > 0 {
				s.log.Warn("the control plane has not kept all figures of instances", "samples", receipt.SetAside)
			}
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
			return true, nil // also one that does not know of metrics yet
		case errors.As(err, &refused) && refused.Status == http.StatusBadRequest && refused.Code != agentapi.CodeSuperseded:
			s.log.Error("the control plane refuses figures of instances; they are given up", "error", err)
		default:
			return false, err
		}
		spool.Done(number)
	}
	return false, ctx.Err()
}
