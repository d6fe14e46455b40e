package billing

import (
	"time"

	"souk/internal/money"
)

// Quote is what running an instance on the given terms costs.
type Quote struct {
	Lines []Line       // for the whole time that is asked for
	ByUse []Price      // of what is measured, and in none of the lines
	Once  []Price      // what is charged once, and in none of the lines
	Rules []Price      // of the lines, those that have tiers or a minimum
	Hour  money.Amount // of all lines, each to six decimal places
	Month money.Amount // of all lines, as the invoice would have it
}

// QuoteFor returns the price of running an instance for the whole month.
func QuoteFor(storageGiB int64, prices []Price, m Month) Quote {
	return QuoteUntil(storageGiB, prices, m, m.To)
}

// QuoteUntil returns the price of running an instance from the beginning of the
// month until then.
func QuoteUntil(storageGiB int64, prices []Price, m Month, until time.Time) Quote {
	u := Use{Segment: Segment{From: m.From, To: m.To, ComputeBilled: true, StorageBilled: true, Terms: Terms{StorageGiB: storageGiB}}, Prices: prices}
	q := Quote{Lines: Rate([]Use{u}, m, until)}
	for _, l := range q.Lines {
		q.Month = q.Month.Add(l.Amount)
	}
	for _, p := range prices {
		switch {
		case p.Item.Measured():
			q.ByUse = append(q.ByUse, p)
		case p.Item == ItemSetup:
			q.Once = append(q.Once, p)
		case p.Tiered() || !p.Minimum.IsZero():
			q.Rules = append(q.Rules, p)
		}
	}
	q.Hour = hour(u, prices, m)
	return q
}

// hour is the price of an hour: by the unit, and of what has tiers or a minimum the
// mean of the whole month.
func hour(u Use, prices []Price, m Month) money.Amount {
	var sum money.Amount
	for _, l := range Rate([]Use{u}, m, m.To) {
		if l.rule.Tiered() || !l.rule.Minimum.IsZero() {
			sum = sum.Add(money.Prorate(l.Amount, time.Hour.Microseconds(), m.To.Sub(m.From).Microseconds(), 6))
			continue
		}
		an := l.Times(quantity(&u, l.rule), l.Price)
		sum = sum.Add(money.Prorate(an.Amount, time.Hour.Microseconds(), period(*l.rule, m).Int64(), 6))
	}
	return sum
}
