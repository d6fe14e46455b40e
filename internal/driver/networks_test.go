package driver

import "testing"

func TestAllOrNone(t *testing.T) {
	for _, c := range []struct {
		networks []string
		all, ok  bool
	}{
		{nil, false, true},
		{[]string{"0.0.0.0/0", "::/0"}, true, true},
		{[]string{"192.0.2.0/24", "::/0"}, true, true},
		{[]string{"192.0.2.0/24"}, false, false},
	} {
		if all, ok := AllOrNone(c.networks); all != c.all || ok != c.ok {
			t.Errorf("%v: %v, %v", c.networks, all, ok)
		}
	}
}
