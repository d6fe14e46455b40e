package dev

import (
	"context"
	"fmt"
	"sync"
)

// group is some children that are stopped together.
type group struct {
	launch *launch
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// newGroup's context is not the launch's: that ends when stopping begins, this
// one when it is this group's turn.
func (l *launch) newGroup() *group {
	ctx, cancel := context.WithCancel(context.Background())
	return &group{launch: l, ctx: ctx, cancel: cancel}
}

func (g *group) keep(c child) { g.wg.Go(func() { g.launch.keep(g.ctx, c) }) }

// stop asks all of the group to end and returns when they have.
func (g *group) stop() {
	g.cancel()
	g.wg.Wait()
}

// stopAll stops what uses the record and the engines first, then the engines,
// and beside them the record.
func (l *launch) stopAll(front, zone, base *group) error {
	front.stop()
	var record sync.WaitGroup
	record.Go(base.stop)
	err := l.stopEngines()
	zone.stop()
	record.Wait()
	if err != nil {
		return err
	}
	l.say("stopped")
	return nil
}

func (l *launch) stopEngines() error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-l.hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := l.hooks.StopEngines(ctx, l.Layout); err != nil {
		return fmt.Errorf("some instances may still run: %w", err)
	}
	return nil
}
