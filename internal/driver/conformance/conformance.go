// Package conformance says how every driver behaves: one suite that runs
// against the fake and the real ones alike.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"souk/internal/driver"
)

// Harness is a zone with a driver to be tried, and what a test needs around it.
type Harness struct {
	Driver driver.Driver
	// Order returns what is wanted of another new instance: one credential, an
	// allow-list that lets this process in, generation 1.
	Order func() driver.Instance
	// Larger is a plan that is bigger than that of an order.
	Larger driver.Plan
	// Elsewhere is a network that this process does not connect from.
	Elsewhere string
	// Connect logs in to an instance as a client does, verifying the server.
	Connect func(ctx context.Context, id string, at *driver.Endpoint, c driver.Credential) (Client, error)
	// LoseData destroys the data of a stopped instance behind the driver's back.
	LoseData func(t *testing.T, id string)
	// Reopen returns a driver for the same zone, as a new agent has; the one
	// before is not used any more. Nil where a zone lives in its driver.
	Reopen func(t *testing.T) driver.Driver
	// Patience is how long anything may take; a minute when 0.
	Patience time.Duration
	// Restarts: the driver restarts instances, and measures for how long they are away.
	Restarts bool
	// NoVersion says why it is not told which version of its engine an instance runs.
	NoVersion string
	// StorageStays says why storage cannot grow here; the driver then has to
	// refuse it in plain words and leave the instance as it is.
	StorageStays string
	// AllOrNone says why networks cannot be told apart here: everybody can be let
	// in, or nobody. The driver then has to refuse anything between in plain words
	// and leave the instance as it is.
	AllOrNone string
	// Meters are what the driver counts of what clients read by Has.
	Meters []string
	// RoughMeters is why what a few clients read in a moment may not show in Meters.
	RoughMeters string
	// Upgrade gives the zone another version of the engine; nil where a test cannot.
	Upgrade func(version string)
}

// Client is a logged-in client.
type Client interface {
	Put(ctx context.Context, mark string) error // remember a mark
	Has(ctx context.Context, mark string) (bool, error)
	Close()
}

// suite is one run; every test of it has instances of its own.
type suite struct{ Harness }

// Run tries a driver.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	s := &suite{newHarness(t)}
	if s.Patience == 0 {
		s.Patience = time.Minute
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"ensure is idempotent and tells where the instance is", s.ensureTwice},
		{"a stopped instance keeps its data, its address and its log-ins", s.stopAndStart},
		{"a new plan and more storage come into force", s.resize},
		{"log-ins come and go without touching the data", s.credentials},
		{"only allowed networks get in", s.networks},
		{"remove leaves nothing", s.remove},
		{"what does not exist is not found", s.notFound},
		{"logs can be read and followed", s.logs},
		{"lost data is reported and not recreated", s.dataLost},
		{"different instances are worked on at the same time", s.concurrent},
		{"a call that was cut short is finished by the next", s.interrupted},
		{"a new driver finds everything again", s.reopen},
	} {
		t.Run(test.name, test.run)
	}
	if s.Restarts {
		t.Run("a restart that is asked for happens once, and is measured", s.restarts)
	}
	if s.Upgrade != nil {
		t.Run("a newer version of the engine waits for a restart", s.newerVersion)
	}
	if counting, ok := s.Driver.(driver.Counting); ok {
		t.Run("what is billed is counted of what runs", func(t *testing.T) { s.counters(t, counting) })
	}
	if sampler, ok := s.Driver.(driver.Sampler); ok {
		t.Run("figures are told of what runs", func(t *testing.T) { s.figures(t, sampler) })
	}
}

// ensure brings an instance to run, calling again while it is on its way.
func (s *suite) ensure(t *testing.T, want *driver.Instance) driver.Observation {
	t.Helper()
	seen, err := s.run(t.Context(), want)
	if err != nil {
		t.Fatalf("ensure: %v", err)
	}
	return seen
}

// run is ensure, for a caller that looks at the error itself.
func (s *suite) run(ctx context.Context, want *driver.Instance) (driver.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	for {
		seen, err := s.Driver.Ensure(ctx, *want)
		if err != nil {
			return seen, err
		}
		if seen.State == driver.StateRunning && seen.Generation == want.Generation {
			want.HeldData = true
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return seen, fmt.Errorf("still %s after %v: %s", seen.State, s.Patience, seen.Message)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// order makes an instance that is removed after the test.
func (s *suite) order(t *testing.T) (driver.Instance, driver.Observation) {
	t.Helper()
	want := s.Order()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), s.Patience)
		defer cancel()
		if err := s.Driver.Remove(ctx, want.ID); err != nil {
			t.Errorf("remove: %v", err)
		}
	})
	seen := s.ensure(t, &want)
	return want, seen
}

func (s *suite) stop(t *testing.T, want driver.Instance) driver.Observation {
	t.Helper()
	seen, err := s.Driver.Stop(t.Context(), want)
	if err != nil {
		t.Fatalf("stop: %v", err)
	}
	if seen.State != driver.StateStopped || seen.Generation != want.Generation {
		t.Fatalf("stopped, and then %s at generation %d", seen.State, seen.Generation)
	}
	return seen
}

func (s *suite) put(t *testing.T, want driver.Instance, seen driver.Observation, mark string) {
	t.Helper()
	client, err := s.Connect(t.Context(), want.ID, seen.Endpoint, want.Credentials[0])
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer client.Close()
	if err := client.Put(t.Context(), mark); err != nil {
		t.Fatalf("put: %v", err)
	}
}

func (s *suite) mustHave(t *testing.T, want driver.Instance, seen driver.Observation, c driver.Credential, mark string) {
	t.Helper()
	client, err := s.Connect(t.Context(), want.ID, seen.Endpoint, c)
	if err != nil {
		t.Fatalf("connect as %s: %v", c.Login, err)
	}
	defer client.Close()
	if has, err := client.Has(t.Context(), mark); err != nil || !has {
		t.Fatalf("the data is not there: %v", err)
	}
}

func (s *suite) mustNotConnect(t *testing.T, want driver.Instance, seen driver.Observation, c driver.Credential) {
	t.Helper()
	client, err := s.Connect(t.Context(), want.ID, seen.Endpoint, c)
	if err == nil {
		client.Close()
		t.Fatalf("%s could connect", c.Login)
	}
}

func (s *suite) mustBeGone(t *testing.T, id string) {
	t.Helper()
	if seen, err := s.Driver.Observe(t.Context(), id); !errors.Is(err, driver.ErrNotFound) {
		t.Fatalf("observed %+v, %v; want ErrNotFound", seen, err)
	}
}
