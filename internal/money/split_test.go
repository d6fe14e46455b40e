package money

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func cents(n int64) Amount { return Prorate(MustParse("1"), n, 100, 2) }

// The parts add up to the amount, and none is off by a unit or more.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var weights []Amount
		var each []int64
		sum := int64(0)
		for range rapid.IntRange(1, 20).Draw(t, "parts") {
			w := rapid.Int64Range(-100, 10_000).Draw(t, "weight")
			weights, each, sum = append(weights, cents(w)), append(each, w), sum+w
		}
		if sum <= 0 {
			t.Skip()
		}
		whole := rapid.Int64Range(0, sum).Draw(t, "whole")
		var total Amount
		for i, part := range Split(cents(whole), weights, 2) {
			total = total.Add(part)
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(whole), big.NewInt(each[i])), big.NewInt(sum))
			if off := new(big.Rat).Sub(new(big.Rat).SetInt(minor(part, 2)), exact); off.Abs(off).Cmp(big.NewRat(1, 1)) > 0 {
				t.Fatalf("part %d is %s, not %s hundredths", i, part, exact)
			}
		}
		if total.Cmp(cents(whole)) != 0 {
			t.Fatalf("%v add up to %s, not %s", weights, total, cents(whole))
		}
	})
}
