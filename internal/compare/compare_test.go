package compare

import (
	"testing"
	"time"
)

func TestBool(t *testing.T) {
	for _, c := range []struct {
		a, b bool
		want int
	}{{false, false, 0}, {true, true, 0}, {false, true, -1}, {true, false, 1}} {
		if got := Bool(c.a, c.b); got != c.want {
			t.Errorf("Bool(%v, %v) = %d", c.a, c.b, got)
		}
	}
}

func TestTimes(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ a, b, earlier, later time.Time }{
		{noon, noon.Add(time.Nanosecond), noon, noon.Add(time.Nanosecond)},
		{noon.Add(time.Nanosecond), noon, noon, noon.Add(time.Nanosecond)},
		{noon, noon, noon, noon},
		{noon, time.Time{}, time.Time{}, noon},
	} {
		if got := Earlier(c.a, c.b); !got.Equal(c.earlier) {
			t.Errorf("Earlier(%s, %s) = %s", c.a, c.b, got)
		}
		if got := Later(c.a, c.b); !got.Equal(c.later) {
			t.Errorf("Later(%s, %s) = %s", c.a, c.b, got)
		}
	}
}
