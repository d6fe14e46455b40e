package billing

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"slices"
	"time"

	"souk/internal/money"
	"souk/internal/store"
)

// Part is what a line has of one use: a link of a chain, or a count of a meter.
type Part struct {
	Use      *Use
	From, To time.Time // what of the use lies in the line; equal: it is charged once
	Quantity int64     // at each moment of it, or counted: of storage GiB, of backups bytes
	Used     *big.Int  // as that of the line, which is their sum
}

// partOf is what was used of a use in a time, or, where it is not billed by time, in its
// whole.
func partOf(u *Use, p *Price, q int64, used *big.Int, from time.Time, d time.Duration) Part {
	out := Part{Use: u, From: from, To: from.Add(d), Quantity: q, Used: new(big.Int).Set(used)}
	if u.Meter != "" && p.Item != ItemSetup {
		out.To = u.To
	}
	return out
}

// Share is what a part adds to the line, which is not rounded.
func (l Line) Share(p Part) *big.Rat {
	period := l.period
	if l.partPeriod != nil {
		period = l.partPeriod
	}
	share := new(big.Rat).SetFrac(p.Used, period)
	return share.Mul(share, l.PartPrice().Rat())
}

// PartPrice is what one unit costs of the parts: the line's price, or, of a minimum, what
// it is for a whole month.
func (l Line) PartPrice() money.Amount {
	if l.partPeriod != nil {
		return l.partPrice
	}
	return l.Price
}

// Unrounded is what the parts of a line come to. Amount is it rounded, once, and of a
// minimum what then lacks to it beside what was Charged.
func (l Line) Unrounded() *big.Rat {
	sum := new(big.Rat)
	for _, p := range l.Parts {
		sum.Add(sum, l.Share(p))
	}
	return sum
}

// Key names a line among those of a month: it is the same as long as there is such a line,
// whatever is recorded meanwhile and however things are called.
func (l Line) Key() string {
	raw, err := json.Marshal([]any{l.ProjectID, l.InstanceID, l.PlanRevision, l.PriceList, l.ServiceLevel, l.Item, l.Of, l.Tier})
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:10])
}

// Explained returns what Charges does, with the parts of each line.
func Explained(ctx context.Context, tx store.Tx, f Filter, m Month, until, watermark time.Time) ([]Line, error) {
	uses, err := readUses(ctx, tx, f, m, AsOf(watermark))
	if err != nil {
		return nil, err
	}
	lines := Explain(uses, m, until)
	for _, l := range lines {
		slices.SortFunc(l.Parts, func(a, b Part) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	}
	return lines, nil
}
