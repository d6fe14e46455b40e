package billing

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/compare"
	"souk/internal/money"
)

// Line is a priced line: everything of one instance at one price in a month. What it
// is, the IDs say; the names are those of today, only to be shown.
type Line struct {
	ProjectID, InstanceID            uuid.UUID
	PlanRevision, PriceList          uuid.UUID // the latter is a revision too
	Project, Instance, Service, Plan string
	Gone                             bool // the instance was removed for good
	ServiceLevel                     string
	Item                             Item
	Of                               Item // that a minimum is for
	Tier                             int  // from 1 on; 0: the price has none
	Unit                             Unit
	Price                            money.Amount
	Currency                         string
	// Used is microseconds times quantity: 1 for compute, GiB for storage, bytes for
	// backups. A month of a few megabytes in backups is more than an int64 holds. Of
	// what is not billed by time it is what was counted.
	Used *big.Int
	// Billed is the time that the line covers.
	Billed time.Duration
	// Amount is rounded, here and nowhere before, to the currency's places.
	Amount money.Amount
	// Parts are what the line is made of, in the order of time; only Explain has them.
	Parts []Part
	// Charged is, of a minimum, what the lines come to that count for it.
	Charged money.Amount
	// Agreement is what a discount is by, and Reduces how much was left to be reduced by
	// it; the latter is only to be shown.
	Agreement *Agreement
	Reduces   money.Amount
	period    *big.Int // Used of one unit

	// Of a minimum: what one is for a whole month, and Used of a part that lasts one.
	partPrice  money.Amount
	partPeriod *big.Int

	rule  *Price
	scope *big.Int // what all was used that counts for the tier
	least *minimum // that the line counts for
}

// Quantity returns how many units were used, to six decimal places.
func (l Line) Quantity() string {
	return money.ProrateBig(money.MustParse("1"), l.Used, l.period, 6).String()
}

// Seconds returns the time that the line covers, to the microsecond.
func (l Line) Seconds() string {
	return money.Prorate(money.MustParse("1"), l.Billed.Microseconds(), time.Second.Microseconds(), 6).String()
}

// amount is what the line costs, rounded to the currency's places.
func (l Line) amount() money.Amount {
	return money.ProrateBig(l.Price, l.Used, l.period, money.Digits(l.Currency))
}

// Times makes a line, otherwise filled in, one of so many (negative: to the customer's
// good) at a price that is rounded already.
func (l Line) Times(n int64, price money.Amount) Line {
	l.Unit, l.Price, l.Used, l.period, l.Amount = UnitEach, price, big.NewInt(n), big.NewInt(1), price.Times(n)
	return l
}

// items are the items in the order in which lines show them, those of meters behind.
var items = []Item{ItemCompute, ItemStorage, ItemBackupStorage}

// rank is where lines of an item stand: a minimum beside what it is for, and what is
// charged once at the end.
func (l Line) rank() int {
	item := l.Item
	if item == ItemMinimum {
		item = l.Of
	}
	switch i := slices.Index(items, item); {
	case i >= 0:
		return i
	case item == ItemSetup:
		return len(items) + 1
	}
	return len(items)
}

// sortLines puts lines in the order in which they are shown.
func sortLines(lines []Line) {
	slices.SortFunc(lines, func(a, b Line) int {
		// Most are told apart by these; what comes after them takes longer to compare.
		if order := cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Instance, b.Instance)); order != 0 {
			return order
		}
		return cmp.Or(compare.Bool(a.Gone, b.Gone), cmp.Compare(a.Service, b.Service),
			cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Tier, b.Tier),
			cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Currency, b.Currency), a.Price.Cmp(b.Price), compareIDs(a, b), cmp.Compare(a.ServiceLevel, b.ServiceLevel))
	})
}

func compareIDs(a, b Line) int {
	return cmp.Or(bytes.Compare(a.ProjectID[:], b.ProjectID[:]), bytes.Compare(a.InstanceID[:], b.InstanceID[:]),
		bytes.Compare(a.PlanRevision[:], b.PlanRevision[:]), bytes.Compare(a.PriceList[:], b.PriceList[:]))
}

// Total adds the lines up.
func Total(lines []Line) money.Amount {
	var sum money.Amount
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	return sum
}
