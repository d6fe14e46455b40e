package driver

import (
	"context"
	"errors"
	"time"
)

// Prober is a Driver whose instances can be tried as their clients use them. It is
// an optional capability: an agent asks its driver whether it has it.
type Prober interface {
	// Probe returns how an instance is tried, by a log-in of its own and outside of
	// what its users keep. It reaches nothing by itself, and may be called while
	// other methods work on the instance. Nil where there is nothing to try: the
	// instance is stopped, its service has no checks, or nobody may connect to it.
	// ErrNotFound when the instance does not exist.
	Probe(ctx context.Context, want Instance) (*Probe, error)
}

// Probe is how one instance is tried.
type Probe struct {
	// Checks are carried out side by side. The first is the one that says whether
	// anything is known at all.
	Checks []ProbeCheck
	// Close ends the connections that are kept; no check is under way then.
	Close func()
}

// ProbeCheck is one thing that clients do.
type ProbeCheck struct {
	Name    string
	Every   time.Duration // from one beginning to the next
	Timeout time.Duration // of one try; what takes longer has failed
	// Try does it once and ends with ctx. It is never called twice at once, but at
	// the same time as those of other checks. ErrCannotTell when the outcome says
	// nothing of the service; any other error says that it did not serve.
	Try func(ctx context.Context) error
}

// ErrCannotTell: a check found out nothing, as its own log-in is not set up, or as
// nobody knows whether the agent could get there.
var ErrCannotTell = errors.New("the probe has no log-in or no way of its own there")
