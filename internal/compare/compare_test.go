package compare

import "testing"

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
