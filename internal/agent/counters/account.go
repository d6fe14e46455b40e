// Package counters reads what engines have counted, and tells what of it was used in
// each hour.
package counters

import (
	"math/big"
	"time"
)

// Reading is what a counter stood at.
type Reading struct {
	At    time.Time // when it was read, by Souk's clock
	Since time.Time // when the engine's run began, by Souk's clock
	Run   string    // names that run
	Value int64
	Own   int64 // what Souk's own sessions have taken since the reading before
}

// Used is what was used in a time within one hour of UTC; all that there was.
type Used struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Quantity int64     `json:"quantity"`
}

// Account is up to where a counter has been accounted for, and what is still to be
// reported.
type Account struct {
	At    time.Time `json:"at"` // of the last reading
	Run   string    `json:"run"`
	Value int64     `json:"value"`
	// Debt is what Souk's own sessions took that had not been counted yet when it was
	// read: it comes off what is counted next.
	Debt int64  `json:"debt"`
	Open []Used `json:"open"` // not reported yet, of one hour
}

// Begin is the account after the first reading. Where whole is false it is not known
// whether something of the counter was accounted for before, and only what comes is.
func Begin(r Reading, whole bool) (Account, []Used) {
	if !whole {
		return Account{At: r.At, Run: r.Run, Value: r.Value}, nil
	}
	return Account{At: r.Since, Run: r.Run}.Next(r)
}

// Next is the account after another reading, and what is to be reported of hours that
// are over. What an engine counted after the last reading of a run is in none: of the time
// from that until the next run began nothing is known. What was counted between two
// readings of one run is spread evenly over the time between them.
func (a Account) Next(r Reading) (Account, []Used) {
	from, counted := a.At, r.Value-a.Value
	if r.Run != a.Run || counted < 0 {
		a.Debt, counted = 0, r.Value
		if r.Since.After(from) {
			from = r.Since
		}
	}
	if !from.Before(r.At) {
		return a, nil // a clock was put back: the next reading has it all
	}
	quantity := counted - r.Own - a.Debt
	a.At, a.Run, a.Value, a.Debt = r.At, r.Run, r.Value, max(-quantity, 0)
	open := a.Open[:len(a.Open):len(a.Open)]
	for _, u := range split(Used{from, r.At, max(quantity, 0)}) {
		if last := len(open) - 1; last >= 0 && open[last].To.Equal(u.From) && hourOf(open[last].From).Equal(hourOf(u.From)) {
			open = append(open[:last:last], Used{open[last].From, u.To, open[last].Quantity + u.Quantity})
		} else {
			open = append(open, u)
		}
	}
	a.Open = open
	return a.Over(r.At)
}

// Over is the account without what is to be reported by a moment: what is of hours that
// are over.
func (a Account) Over(at time.Time) (Account, []Used) {
	n := 0
	for n < len(a.Open) && !hourOf(a.Open[n].From).Add(time.Hour).After(at) {
		n++
	}
	over := a.Open[:n:n]
	a.Open = a.Open[n:]
	return a, over
}

func hourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// split cuts at the hours of UTC; what was used is given to the parts by their length.
func split(u Used) []Used {
	var parts []Used
	whole, left := u.To.Sub(u.From).Microseconds(), u.Quantity
	for at := u.From; at.Before(u.To); {
		end := hourOf(at).Add(time.Hour)
		share := left
		if end.Before(u.To) {
			n := new(big.Int).Mul(big.NewInt(u.Quantity), big.NewInt(end.Sub(at).Microseconds()))
			share = n.Div(n, big.NewInt(whole)).Int64()
		} else {
			end = u.To
		}
		parts = append(parts, Used{at, end, share})
		at, left = end, left-share
	}
	return parts
}
