package servicepkg

import (
	"context"
	"errors"
	"time"

	"souk/api"
)

// Prover is how a conformance run uses an instance of the service: as a customer's
// program does, by the credentials that the API reveals and nothing else.
type Prover struct {
	// Connect opens a session over TLS, with the server verified by the credentials'
	// CA. Its error holds no password.
	Connect func(ctx context.Context, c api.Credentials) (Session, error)
	// Plain tries to get in without TLS; nil means that it got in.
	Plain func(ctx context.Context, c api.Credentials) error
	// Setting is a parameter of which a session can tell whether it is in force.
	Setting Setting
	// Figure of the dashboard rises when a session writes.
	Figure Figure
	// Hang has the server answer nobody for about that long, by what a customer's program
	// may do, and returns once it answers again. nil: no such program can.
	Hang func(ctx context.Context, c api.Credentials, lasting time.Duration) error
	// Faults are those that alerts have to see, each in an instance of its own.
	Faults []Fault
}

// Session is a connection of a customer's program. It is used by one goroutine.
type Session interface {
	// Put keeps a value under a key; when it returns nil the server has it.
	Put(ctx context.Context, key, value string) error
	// Get returns what is kept under a key; "" where nothing is.
	Get(ctx context.Context, key string) (string, error)
	// Setting returns the value of Prover.Setting that is in force, as the server says it.
	Setting(ctx context.Context) (string, error)
	// Log does what the server writes a line to its log for, and returns a part of that
	// line.
	Log(ctx context.Context) (line string, err error)
	Close()
}

// Setting is a parameter with a value that is not its default, and one that it cannot
// have.
type Setting struct {
	Parameter string
	Value     any
	Shown     string // as a session tells of Value
	Bad       any
}

// Figure is a series of the dashboard.
type Figure struct{ Panel, Legend string }

// ErrNotProvoked is that a fault was not tried, as that would take too much.
var ErrNotProvoked = errors.New("not tried")

// Fault is something that goes wrong with an instance without anybody's help but its
// customer's.
type Fault struct {
	// Alerts that fire; they lead to the same runbook.
	Alerts []string
	After  time.Duration // for how long it has to hold first, or to be over
	// Passes says that the alert's runbook has no command that changes something: the
	// alert is over once what was begun ends.
	Passes bool
	// Parameters of the instance, so that little is needed.
	Parameters map[string]any
	// Provoke has it happen. What it began ends with end. ErrNotProvoked wraps why it
	// was not tried.
	Provoke func(ctx context.Context, c api.Credentials) (end func(), err error)
}
