package money

import (
	"math/big"
	"slices"

	"github.com/shopspring/decimal"
)

// Split splits an amount by weights, of which some may be negative and whose sum is
// positive, into parts of so many decimal places, by largest remainders: the parts add up
// to the amount. Amount and weights have no more places than that.
func Split(amount Amount, weights []Amount, digits int32) []Amount {
	parts := make([]Amount, len(weights))
	units := make([]*big.Int, len(weights))
	for i, w := range weights {
		units[i] = minor(w, digits)
	}
	for i, part := range shares(minor(amount, digits), units) {
		parts[i] = major(part, digits)
	}
	return parts
}

// minor is an amount in the smallest unit of its currency.
func minor(a Amount, digits int32) *big.Int { return a.d.Shift(digits).BigInt() }

// major is the amount of so many smallest units.
func major(units *big.Int, digits int32) Amount {
	return Amount{decimal.NewFromBigInt(units, -digits)}
}

// shares splits a whole into whole parts.
func shares(whole *big.Int, weights []*big.Int) []*big.Int {
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	parts, rests := make([]*big.Int, len(weights)), make([]*big.Int, len(weights))
	over := new(big.Int).Set(whole)
	order := make([]int, len(weights))
	for i, w := range weights {
		order[i] = i
		parts[i], rests[i] = new(big.Int).DivMod(new(big.Int).Mul(whole, w), sum, new(big.Int)) // rounded down
		over.Sub(over, parts[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	for _, i := range order[:over.Int64()] {
		parts[i].Add(parts[i], big.NewInt(1))
	}
	return parts
}
