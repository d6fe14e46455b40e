package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"souk/internal/devpg"
	"souk/internal/store"
)

// launch is one run of the launcher.
type launch struct {
	Layout
	hooks    Hooks
	pace     pace
	spawner  *spawner
	lifeline *os.File // what the children hold
	hurry    chan struct{}
	began    time.Time

	mu  sync.Mutex
	out io.Writer
}

// Run starts everything and keeps it running until ctx ends or somebody asks it
// to stop (SIGINT, SIGTERM, SIGHUP); a second such signal hurries. It returns
// nil when all was stopped as asked. As root it begins the program anew, with
// the same arguments and process ID, in a mount namespace of its own: call it
// before anything else was begun.
func Run(ctx context.Context, o Options) error {
	o.defaults()
	l := &launch{hooks: o.Hooks, pace: o.pace, out: o.Out, began: time.Now(), hurry: make(chan struct{}), spawner: newSpawner()}
	namespace, err := enterNamespace()
	if err != nil {
		return err
	}
	if err := keepInherited(); err != nil {
		return err
	}
	if l.folders, err = openFolder(o.DataDir); err != nil {
		return err
	}
	lock, err := l.folders.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(ctx)
	go l.listenForStop(ctx, cancel)
	if err := l.run(ctx, o, namespace); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // stopped before all was up
}

// listenForStop ends the run at the first signal, or when its context ends, and
// hurries it at the second signal.
func (l *launch) listenForStop(ctx context.Context, cancel context.CancelFunc) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nobody reads what is said: no reason to die
	select {
	case <-ctx.Done():
		l.say("stopping everything; Ctrl-C again to hurry")
		<-signals // the one that ended the context
	case <-signals:
		l.say("stopping everything; Ctrl-C again to hurry")
		cancel()
	}
	<-signals
	close(l.hurry)
}

func (l *launch) run(ctx context.Context, o Options, namespace bool) error {
	programs, err := l.folders.choosePrograms(devpg.Installed(ctx))
	if err != nil {
		return err
	}
	l.DataDir, l.Privileged, l.InstanceUIDs = l.folders.root, os.Geteuid() == 0, o.InstanceUIDs
	err = l.settle(o.UIDBase, namespace)
	unused := l.homeIsNew // an instance that a killed launcher left may need an older one
	defer func() {
		if unused {
			l.folders.unbind()
		}
	}()
	if err != nil {
		return err
	}
	if l.Program, err = l.program(); err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	hold, err := l.tie()
	if err != nil {
		return err
	}
	defer hold.Close()
	if err := l.awaitLeftovers(ctx); err != nil {
		return err
	}
	if err := l.addresses(o.Listen, o.AgentListen); err != nil {
		return err
	}
	if err := l.prepareObjectStore(o.ObjectStore); err != nil {
		return err
	}
	cluster, passwords, err := l.cluster(ctx, programs)
	if err != nil {
		return err
	}
	err = l.runChildren(ctx, cluster, passwords)
	unused = err == nil && namespace // all was stopped
	return err
}

// tie makes the pipe whose one end the children hold; whoever holds the other
// end keeps them alive. Nobody but this process ever does.
func (l *launch) tie() (hold *os.File, err error) {
	if l.lifeline, hold, err = os.Pipe(); err != nil {
		return nil, fmt.Errorf("make the children's lifeline: %w", err)
	}
	return hold, nil
}

// runChildren starts all of them, each as soon as what it needs is there, and
// stops them in order once ctx ends.
func (l *launch) runChildren(ctx context.Context, cluster devpg.Cluster, passwords store.Passwords) error {
	if err := l.configure(); err != nil {
		return err
	}
	front, zone, base := l.newGroup(), l.newGroup(), l.newGroup()
	base.keep(l.database(cluster))
	if args := l.supervisorArgs(); args != nil {
		zone.keep(l.supervisor(args))
	}
	if l.ObjectStore != nil {
		zone.keep(l.objectStore())
	}
	enrolled := l.hooks.Enrolled(l.Layout)
	if enrolled {
		front.keep(l.agent())
	}
	err := l.bringUp(ctx, cluster, passwords, front, enrolled)
	if err == nil {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		err = nil // asked to stop, which is no failure of what was under way
	}
	return errors.Join(err, l.stopAll(front, zone, base))
}

func (l *launch) supervisorArgs() []string {
	if !l.Privileged || l.hooks.SupervisorArgs == nil {
		return nil
	}
	return l.hooks.SupervisorArgs(l.Layout)
}

func (l *launch) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "souk: "+format+"\n", args...)
}
