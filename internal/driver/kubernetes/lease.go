package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Of the zone's Lease: how long it lasts, how long its holder goes on trying to
// renew it, and the pause between attempts.
const (
	leaseDuration = 15 * time.Second
	leaseRenewal  = 10 * time.Second
	leaseRetry    = 2 * time.Second
	leasePatience = 3 * time.Second // of a call, for the Lease at the start
)

// errNotHolding: the zone's Lease is another agent's, or nobody knows.
var errNotHolding = errors.New("this agent does not hold the zone's Lease: another agent works on the zone, or the cluster's API server does not answer")

// lease says whether this agent is the one that may change anything in the zone.
type lease struct {
	mu   sync.Mutex
	held chan struct{} // closed while held
}

func newLease() *lease { return &lease{held: make(chan struct{})} }

func (l *lease) set(held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.held:
		if !held {
			l.held = make(chan struct{})
		}
	default:
		if held {
			close(l.held)
		}
	}
}

// hold returns once the Lease is held, or errNotHolding after a little while.
func (l *lease) hold(ctx context.Context) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(leasePatience):
		return errNotHolding
	}
}

// contend tries to hold the zone's Lease until ctx ends, and then gives it up.
func (d *Driver) contend(ctx context.Context) error {
	client, err := coordination.NewForConfig(d.cfg.REST)
	if err != nil {
		return err
	}
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: d.cfg.Namespace, Name: manager + "-" + d.cfg.Zone},
		Client:     client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: d.cfg.Identity},
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, Name: d.cfg.Zone, ReleaseOnCancel: true,
		LeaseDuration: leaseDuration, RenewDeadline: leaseRenewal, RetryPeriod: leaseRetry,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { d.lease.set(true) },
			OnStoppedLeading: func() { d.lease.set(false) },
			OnNewLeader: func(identity string) {
				if identity != d.cfg.Identity {
					d.log.Warn("another agent holds the zone's Lease; this one changes nothing", "holder", identity)
				}
			},
		},
	})
	if err != nil {
		return fmt.Errorf("the zone's Lease: %w", err)
	}
	d.wait.Go(func() {
		for ctx.Err() == nil {
			elector.Run(ctx)
		}
	})
	return nil
}
