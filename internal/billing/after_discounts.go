package billing

import (
	"github.com/google/uuid"

	"souk/internal/money"
)

// AfterDiscounts is what each instance is charged by the lines of a month once discounts
// are taken off: each, in its order, from the lines that it covers, by the share that those
// before it have left of each. What lines of no instance are charged is nobody's.
func AfterDiscounts(lines []Line) map[uuid.UUID]money.Amount {
	left := make([]money.Amount, len(lines))
	for i, l := range lines {
		if l.Agreement != nil {
			takeOff(lines[:i], left, l)
		} else {
			left[i] = l.Amount
		}
	}
	sums := map[uuid.UUID]money.Amount{}
	for i, l := range lines {
		if l.InstanceID != uuid.Nil {
			sums[l.InstanceID] = sums[l.InstanceID].Add(left[i])
		}
	}
	return sums
}

// takeOff takes a discount off what is left of the lines before it. What is left is whole
// cents here and fractions where discounts are made: a cent that what it covers does not
// have any more is taken off the others.
func takeOff(lines []Line, left []money.Amount, discount Line) {
	covers := func(l Line) bool { return discount.Agreement.covers(grainOf(l)) }
	rest := takeFrom(lines, left, discount.Amount.Negative(), discount.Currency, covers)
	if !rest.IsZero() {
		takeFrom(lines, left, rest, discount.Currency, func(l Line) bool { return l.Currency == discount.Currency })
	}
}

// takeFrom takes an amount off lines, by what is left of each, and returns what is left of
// the amount.
func takeFrom(lines []Line, left []money.Amount, amount money.Amount, currency string, from func(Line) bool) (rest money.Amount) {
	var covered []int
	var weights []money.Amount
	var most money.Amount
	for i, l := range lines {
		if l.Agreement == nil && left[i].Cmp(money.Amount{}) > 0 && from(l) {
			covered, weights, most = append(covered, i), append(weights, left[i]), most.Add(left[i])
		}
	}
	if amount.Cmp(most) > 0 {
		amount, rest = most, amount.Sub(most)
	}
	if len(covered) == 0 {
		return rest
	}
	for n, part := range money.Split(amount.Negative(), weights, money.Digits(currency)) {
		left[covered[n]] = left[covered[n]].Add(part)
	}
	return rest
}
