package money

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestString(t *testing.T) {
	for in, want := range map[string]string{"0": "0.00", "0.02": "0.02", "5": "5.00", "0.0005": "0.0005", "1.50": "1.50", "1.500": "1.50", "-3.1": "-3.10", "100": "100.00"} {
		if got := MustParse(in).String(); got != want {
			t.Errorf("%s prints as %s, want %s", in, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "1e5", "1,5", "NaN", "0.0000000000001", "1.2.3", "--1"} {
		if _, err := Parse(in); err == nil {
			t.Errorf("%q was accepted", in)
		}
	}
}

func TestProrateRounds(t *testing.T) {
	for _, c := range []struct {
		amount   string
		num, den int64
		want     string
	}{
		{"0.02", 3600, 3600, "0.02"},
		{"0.02", 1800, 3600, "0.01"},
		{"0.01", 1, 2, "0.01"}, // half away from zero
		{"-0.01", 1, 2, "-0.01"},
		{"10", 1, 3, "3.33"},
		{"10", 2, 3, "6.67"},
	} {
		if got := Prorate(MustParse(c.amount), c.num, c.den, 2).String(); got != c.want {
			t.Errorf("%s × %d ÷ %d = %s, want %s", c.amount, c.num, c.den, got, c.want)
		}
	}
}

func TestFloor(t *testing.T) {
	for _, c := range []struct {
		num, den int64
		digits   int32
		want     string
	}{{2, 3, 2, "0.66"}, {-2, 3, 2, "-0.67"}, {1, 4, 2, "0.25"}, {7, 2, 0, "3"}, {1, 1000, 2, "0.00"}} {
		if got := Floor(big.NewRat(c.num, c.den), c.digits).Fixed(c.digits); got != c.want {
			t.Errorf("Floor(%d/%d, %d) = %s, want %s", c.num, c.den, c.digits, got, c.want)
		}
	}
}

// Prorating never differs from the exact quotient by more than half a cent, and
// a whole period costs the whole price.
func TestProrateIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(0, 1e9).Draw(t, "cents")
		den := rapid.Int64Range(1, 1e13).Draw(t, "den")
		num := rapid.Int64Range(0, den).Draw(t, "num")
		a := Amount{MustParse("0.01").Times(cents).d}
		got := Prorate(a, num, den, 2)
		exact := new(big.Rat).Mul(a.d.Rat(), big.NewRat(num, den))
		diff := new(big.Rat).Sub(got.d.Rat(), exact)
		if diff.Abs(diff).Cmp(big.NewRat(1, 200)) > 0 {
			t.Fatalf("%s × %d ÷ %d = %s, off by %s", a, num, den, got, diff.FloatString(6))
		}
		if Prorate(a, den, den, 2).Cmp(a) != 0 {
			t.Fatalf("the whole period does not cost %s", a)
		}
	})
}
