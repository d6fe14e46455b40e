package conformance

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"souk/internal/driver"
)

// counters: a driver that counts tells what clients took, and its own sessions apart from
// that; counters begin anew when an instance is started again, and say so. None are told
// of one that is stopped, and what is not there is not found.
func (s *suite) counters(t *testing.T, counting driver.Counting) {
	if _, err := counting.Counters(t.Context(), uuid.NewString()); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	want, seen := s.order(t)
	read := func() map[string]driver.Counter {
		t.Helper()
		told, err := counting.Counters(t.Context(), want.ID)
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]driver.Counter{}
		for _, c := range told {
			if c.Run == "" || c.Since.IsZero() || c.Value < 0 || c.Own < 0 || !slices.Contains(s.Meters, c.Meter) {
				t.Errorf("%+v", c)
			}
			by[c.Meter] = c
		}
		return by
	}
	take := func() {
		t.Helper()
		s.put(t, want, seen, "read")
		for range 20 {
			s.mustHave(t, want, seen, want.Credentials[0], "read")
		}
	}
	take()
	first := read()
	for range 5 {
		read()
	}
	idle := read()
	take()
	after := read()
	for _, meter := range s.Meters {
		a, b, c := first[meter], idle[meter], after[meter]
		if a.Run == "" || a.Run != c.Run || a.Since.Sub(c.Since).Abs().Seconds() > 3 {
			t.Errorf("%s: of one run: %+v, then %+v", meter, a, c)
		}
		if s.RoughMeters != "" {
			continue
		}
		if net(b)-net(a) > atMost {
			t.Errorf("%s: being read has counted %d", meter, net(b)-net(a))
		}
		if net(c) <= net(b) {
			t.Errorf("%s: a client took something, and it counted %d", meter, net(c)-net(b))
		}
	}
	want.Generation++
	s.stop(t, want)
	if told := read(); len(told) > 0 {
		t.Errorf("of a stopped one: %v", told)
	}
	want.Generation++
	seen = s.ensure(t, &want)
	take()
	for meter, c := range read() {
		if c.Run == after[meter].Run {
			t.Errorf("%s: it was started again, and says that it was not: %+v, then %+v", meter, after[meter], c)
		}
	}
}

// atMost is what being read a few times may count: what a cluster asks its pods meanwhile,
// and no answer of figures.
const atMost = 512

// net is what was counted beside what Souk's own sessions took.
func net(c driver.Counter) int64 { return c.Value - c.Own }
