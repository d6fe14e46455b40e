package dev

import (
	"context"
	"errors"
	"net/http"
	"time"

	"souk/internal/devpg"
	"souk/internal/store"
)

// bringUp goes the way from an empty PostgreSQL to a portal that answers.
func (l *launch) bringUp(ctx context.Context, cluster devpg.Cluster, passwords store.Passwords, front *group, enrolled bool) error {
	if err := l.prepareRecord(ctx, cluster, passwords); err != nil {
		return err
	}
	front.keep(l.controlPlane())
	if err := l.awaitPortal(ctx); err != nil {
		return err
	}
	l.say("Souk answers at %s (after %.1f s)", l.URL, time.Since(l.began).Seconds())
	if !enrolled {
		if err := l.insist(ctx, "enrol the agent", l.hooks.Enrol); err != nil {
			return err
		}
		front.keep(l.agent())
	}
	return l.insist(ctx, "finish the start", l.hooks.Ready)
}

// prepareRecord goes on until the record is ready, or cannot become so.
func (l *launch) prepareRecord(ctx context.Context, cluster devpg.Cluster, passwords store.Passwords) error {
	for {
		err := cluster.Await(ctx, func(reason error) { l.say("PostgreSQL cannot be reached yet: %v", reason) })
		if err == nil {
			err = cluster.Prepare(ctx, passwords)
		}
		if err == nil {
			return l.folders.writeVersion(version{Format: folderFormat, PostgreSQL: cluster.Programs.Major})
		}
		if !devpg.Unreachable(err) || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// awaitPortal returns when the control plane says that it is ready.
func (l *launch) awaitPortal(ctx context.Context) error {
	client := http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(req); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// insist calls f until it succeeds.
func (l *launch) insist(ctx context.Context, what string, f func(context.Context, Layout) error) error {
	for n := 1; ; n++ {
		err := f(ctx, l.Layout)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n&(n-1) == 0 {
			l.say("cannot %s yet: %v; going on trying", what, err)
		}
		l.pause(ctx, n)
	}
}
