package main

import (
	"math/big"
	"slices"
	"time"
)

// spent is what a line is about.
type spent struct{ instance, plan, item, unit, price string }

// tariff says what one unit of an item costs an instance at a moment; "": nothing.
type tariff func(instance, service, plan, item string, at time.Time) (unit, price string)

// reckon computes what a month has to cost until a moment, slowly and plainly: it cuts
// the time wherever anything changed, asks the zone's books what held in each piece,
// and adds up fractions. It rounds once, at the line, half away from zero.
func reckon(lives []*life, prices tariff, changes []time.Time, month window, until time.Time) map[spent]string {
	moments := slices.Clone(changes)
	for _, l := range lives {
		moments = append(moments, l.book.moments()...)
	}
	moments = append(moments, month.from, until)
	slices.SortFunc(moments, time.Time.Compare)
	used := map[spent]*big.Rat{}
	for n, from := range moments[:len(moments)-1] {
		to := moments[n+1]
		if from.Before(month.from) || !to.After(from) || to.After(until) {
			continue
		}
		took := big.NewRat(to.Sub(from).Microseconds(), 1)
		for _, l := range lives {
			s := l.book.at(from)
			for item, quantity := range s.quantities() {
				unit, price := prices(l.name, l.service, s.plan, item, from)
				if price == "" || quantity.Sign() == 0 {
					continue
				}
				k := spent{l.name, s.plan, item, unit, price}
				if used[k] == nil {
					used[k] = new(big.Rat)
				}
				used[k].Add(used[k], new(big.Rat).Mul(took, quantity))
			}
		}
	}
	costs := map[spent]string{}
	for k, u := range used {
		price, _ := new(big.Rat).SetString(k.price)
		costs[k] = price.Mul(price, u).Quo(price, micros(k.unit, month)).FloatString(2)
	}
	return costs
}

// quantities are of what how much is used.
func (s state) quantities() map[string]*big.Rat {
	out := map[string]*big.Rat{"backup-storage": big.NewRat(s.backupBytes, 1<<30)}
	if s.computed {
		out["compute"] = big.NewRat(1, 1)
	}
	if s.stored {
		out["storage"] = big.NewRat(s.storageGiB, 1)
	}
	return out
}

// micros is the time of one unit, in microseconds.
func micros(unit string, month window) *big.Rat {
	switch unit {
	case "hour", "GiB-hour":
		return big.NewRat(time.Hour.Microseconds(), 1)
	}
	return big.NewRat(month.to.Sub(month.from).Microseconds(), 1)
}
