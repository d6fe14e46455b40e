package conformance

import (
	"testing"

	"souk/internal/driver"
)

// restarts checks that what is asked to be restarted is, once for each number, and
// that the interruption is measured. It is run for drivers that restart.
func (s *suite) restarts(t *testing.T) {
	want, first := s.order(t)
	s.tellsVersion(t, want, first)
	s.put(t, want, first, "kept")
	want.Restart, want.Generation = 1, want.Generation+1
	seen := s.ensure(t, &want)
	i := seen.Interruption
	if i == nil || i.Generation != want.Generation || !i.Until.After(i.From) || i.Until.Sub(i.From) > s.Patience {
		t.Fatalf("the interruption was measured as %+v", i)
	}
	s.tellsVersion(t, want, seen)
	if *seen.Endpoint != *first.Endpoint {
		t.Errorf("the endpoint changed from %+v to %+v", first.Endpoint, seen.Endpoint)
	}
	s.mustHave(t, want, seen, want.Credentials[0], "kept")
	for _, change := range []func(){func() {}, func() { want.Plan = s.Larger }} { // the plan has every step taken again
		change()
		want.Generation++
		again := s.ensure(t, &want)
		if again.Interruption == nil || again.Interruption.Generation == want.Generation && want.Plan != s.Larger {
			t.Errorf("without another number it was restarted again: %+v", again.Interruption)
		}
	}
	s.mustHave(t, want, seen, want.Credentials[0], "kept")
}

// tellsVersion checks that what runs is said to be the version that the zone has: it
// was just started by it.
func (s *suite) tellsVersion(t *testing.T, want driver.Instance, seen driver.Observation) {
	t.Helper()
	if s.NoVersion != "" {
		return
	}
	info, err := s.Driver.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range info.Engines {
		if e.Service == want.Service && e.Version != seen.Version {
			t.Errorf("the zone has version %s, and the instance is said to be %q", e.Version, seen.Version)
		}
	}
}

// newerVersion checks that what runs goes on as it is when the zone is given another
// version of the engine, until it is asked to restart.
func (s *suite) newerVersion(t *testing.T) {
	want, first := s.order(t)
	s.tellsVersion(t, want, first)
	s.Upgrade(first.Version + ".1")
	want.Generation++
	if seen := s.ensure(t, &want); seen.Version != first.Version {
		t.Errorf("it was not restarted, and is said to run %s", seen.Version)
	}
	want.Restart, want.Generation = 1, want.Generation+1
	s.tellsVersion(t, want, s.ensure(t, &want))
}
