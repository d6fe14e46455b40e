package conformance

import "testing"

// restarts checks that what is asked to be restarted is, once for each number, and
// that the interruption is measured. It is run for drivers that restart.
func (s *suite) restarts(t *testing.T) {
	want, first := s.order(t)
	s.put(t, want, first, "kept")
	want.Restart, want.Generation = 1, want.Generation+1
	seen := s.ensure(t, &want)
	i := seen.Interruption
	if i == nil || i.Generation != want.Generation || !i.Until.After(i.From) || i.Until.Sub(i.From) > s.Patience {
		t.Fatalf("the interruption was measured as %+v", i)
	}
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
