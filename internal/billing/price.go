package billing

import (
	"fmt"
	"math/big"
	"time"

	"souk/internal/money"
)

// Item is what is priced: one of those here, or what a package measures, by its name.
type Item string

// The items of every service.
const (
	ItemCompute Item = "compute"
	ItemStorage Item = "storage"
	// ItemBackupStorage is what the backups of an instance take: the more, the longer
	// they are kept. It is measured, so that nobody can say beforehand what it costs.
	ItemBackupStorage Item = "backup-storage"
	// ItemSetup is charged once, when an instance is ready for the first time.
	ItemSetup Item = "setup"
	// ItemMinimum is what lacks to the minimum of another item; it has no price of its own.
	ItemMinimum Item = "minimum"
)

// Measured says whether an item is billed by what is measured of it, so that nobody can
// say beforehand what it costs.
func (i Item) Measured() bool {
	return i != ItemCompute && i != ItemStorage && i != ItemSetup && i != ItemMinimum
}

// Unit is what a price is for one of.
type Unit string

// The units. A month is the calendar month in the billing account's time zone.
const (
	UnitHour     Unit = "hour"
	UnitMonth    Unit = "month"
	UnitGiBHour  Unit = "GiB-hour"
	UnitGiBMonth Unit = "GiB-month"
	UnitOnce     Unit = "once"
	UnitEach     Unit = "each"
)

// scales are how many of what a meter counts make a unit.
var scales = map[Unit]int64{UnitOnce: 1, UnitEach: 1, "thousand": 1e3, "million": 1e6, "GB": 1e9, "GiB": gibibyte}

const gibibyte = 1 << 30

// Units returns what an item can be priced by. Those of what a package measures are the
// units of that meter.
func (i Item) Units() []Unit {
	switch i {
	case ItemCompute:
		return []Unit{UnitHour, UnitMonth}
	case ItemStorage, ItemBackupStorage:
		return []Unit{UnitGiBHour, UnitGiBMonth}
	case ItemSetup:
		return []Unit{UnitOnce}
	}
	return nil
}

// UnitsCounted returns what can be priced of what a meter counts: bytes, or anything else.
func UnitsCounted(smallest string) []Unit {
	if smallest == "byte" {
		return []Unit{"GB", "GiB"}
	}
	return []Unit{UnitEach, "thousand", "million"}
}

// Mode says how the tiers of a price work.
type Mode string

// The modes. What counts for a tier is all that one instance has used of the item in the
// calendar month, at whatever plan and prices.
const (
	ModeFlat      Mode = "flat"      // there are no tiers
	ModeGraduated Mode = "graduated" // each unit costs what its tier says
	ModeVolume    Mode = "volume"    // all units cost what the tier says that their sum lies in
)

// Tier is the price of one unit up to so many, above those of the tier before.
type Tier struct {
	UpTo   int64        `json:"upTo,omitempty"` // 0, in the last one: without end
	Amount money.Amount `json:"amount"`
}

// Price of one unit of an item.
type Price struct {
	Item     Item
	Unit     Unit
	Amount   money.Amount // of the first tier, where there are tiers
	Currency string
	Mode     Mode // "" is flat
	Tiers    []Tier
	Minimum  money.Amount // a month; for a part of one, that part
	Plan     string       // that alone has this price; "": it is that of every plan
}

// Tiered says whether the price has tiers.
func (p Price) Tiered() bool { return len(p.Tiers) > 0 }

// period returns what is used by one unit: microseconds, times bytes for backups, or
// what a meter counts.
func period(p Price, m Month) *big.Int {
	var one *big.Int
	switch p.Unit {
	case UnitHour, UnitGiBHour:
		one = big.NewInt(time.Hour.Microseconds())
	case UnitMonth, UnitGiBMonth:
		one = big.NewInt(m.To.Sub(m.From).Microseconds())
	default:
		scale, known := scales[p.Unit]
		if !known {
			panic(fmt.Sprintf("billing: unknown unit %q", p.Unit))
		}
		return big.NewInt(scale)
	}
	if p.Item == ItemBackupStorage {
		one.Mul(one, big.NewInt(gibibyte))
	}
	return one
}

// bound is how much has been used where a tier ends.
func (t Tier) bound(one *big.Int) *big.Int { return new(big.Int).Mul(one, big.NewInt(t.UpTo)) }

// tierOf is the tier that a sum lies in.
func (p Price) tierOf(sum, one *big.Int) int {
	for i, t := range p.Tiers {
		if t.UpTo == 0 || sum.Cmp(t.bound(one)) <= 0 {
			return i
		}
	}
	return len(p.Tiers) - 1
}
