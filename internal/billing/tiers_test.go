package billing

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/internal/money"
)

var storageTiers = []Tier{{10, money.MustParse("0.20")}, {50, money.MustParse("0.15")}, {0, money.MustParse("0.10")}}

func tiered(mode Mode) Price {
	return Price{Item: ItemStorage, Unit: UnitGiBMonth, Amount: storageTiers[0].Amount, Currency: "CHF", Mode: mode, Tiers: storageTiers}
}

func stored(m Month, from, to time.Duration, gib int64, p ...Price) Use {
	return Use{Segment: Segment{From: m.From.Add(from), To: m.From.Add(to), ComputeBilled: true, StorageBilled: true, Terms: Terms{StorageGiB: gib}}, Instance: "db1", Prices: p}
}

// inWords are lines as they are read: tier, quantity, price and amount.
func inWords(lines []Line) (all []string) {
	for _, l := range lines {
		of := ""
		if l.Of != "" {
			of = " of " + string(l.Of)
		}
		all = append(all, fmt.Sprintf("%s%s %d: %s × %s = %s", l.Item, of, l.Tier, l.Quantity(), l.Price, l.Amount))
	}
	return all
}

func TestPriceModels(t *testing.T) {
	m := MonthOf(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), zurich) // 720 hours
	const whole = 720 * time.Hour
	least := Price{Item: ItemStorage, Unit: UnitGiBMonth, Amount: money.MustParse("0.20"), Currency: "CHF", Minimum: money.MustParse("5")}
	setup := Price{Item: ItemSetup, Unit: UnitOnce, Amount: money.MustParse("30"), Currency: "CHF"}
	requests := Price{Item: "requests", Unit: "thousand", Amount: money.MustParse("0.01"), Currency: "CHF"}
	counted := func(at time.Duration, n int64, p ...Price) Use {
		return Use{Segment: Segment{From: m.From.Add(at), To: m.From.Add(at + time.Hour)}, Meter: "requests", Quantity: n, Instance: "db1", Prices: p}
	}
	first := stored(m, time.Hour, whole, 10, setup)
	first.First = true
	requestTiers := requests
	requestTiers.Mode, requestTiers.Tiers = ModeGraduated, []Tier{{2, money.MustParse("0.01")}, {0, money.MustParse("0.005")}}
	requestLeast := requests
	requestLeast.Minimum = money.MustParse("2")
	for _, c := range []struct {
		name string
		uses []Use
		want []string
	}{
		{"below the first tier's end", []Use{stored(m, 0, whole, 10, tiered(ModeGraduated))}, []string{"storage 1: 10.00 × 0.20 = 2.00"}},
		{"above it", []Use{stored(m, 0, whole, 11, tiered(ModeGraduated))}, []string{"storage 1: 10.00 × 0.20 = 2.00", "storage 2: 1.00 × 0.15 = 0.15"}},
		{"in the last", []Use{stored(m, 0, whole, 100, tiered(ModeGraduated))}, []string{"storage 1: 10.00 × 0.20 = 2.00", "storage 2: 40.00 × 0.15 = 6.00", "storage 3: 50.00 × 0.10 = 5.00"}},
		{"half of the month", []Use{stored(m, 0, whole/2, 100, tiered(ModeGraduated))}, []string{"storage 1: 10.00 × 0.20 = 2.00", "storage 2: 40.00 × 0.15 = 6.00"}},
		{"more in the middle of the month", []Use{stored(m, 0, whole/2, 10, tiered(ModeGraduated)), stored(m, whole/2, whole, 20, tiered(ModeGraduated))}, []string{"storage 1: 10.00 × 0.20 = 2.00", "storage 2: 5.00 × 0.15 = 0.75"}},
		{"all at the tier of the sum", []Use{stored(m, 0, whole, 11, tiered(ModeVolume))}, []string{"storage 2: 11.00 × 0.15 = 1.65"}},
		{"up to its end", []Use{stored(m, 0, whole, 50, tiered(ModeVolume))}, []string{"storage 2: 50.00 × 0.15 = 7.50"}},
		{"in the last one", []Use{stored(m, 0, whole, 51, tiered(ModeVolume))}, []string{"storage 3: 51.00 × 0.10 = 5.10"}},
		{"less than the minimum", []Use{stored(m, 0, whole, 10, least)}, []string{"storage 0: 10.00 × 0.20 = 2.00", "minimum of storage 0: 1.00 × 3.00 = 3.00"}},
		{"the minimum of a part of the month", []Use{stored(m, 0, whole/10, 10, least)}, []string{"storage 0: 1.00 × 0.20 = 0.20", "minimum of storage 0: 1.00 × 0.30 = 0.30"}},
		{"more than the minimum", []Use{stored(m, 0, whole, 25, least)}, []string{"storage 0: 25.00 × 0.20 = 5.00"}},
		{"what is charged once", []Use{first, stored(m, whole/2, whole, 10, setup)}, []string{"setup 0: 1.00 × 30.00 = 30.00"}},
		{"ready for the first time in another month", []Use{stored(m, -time.Hour, whole, 10, setup)}, nil},
		{"what a meter counted", []Use{counted(0, 1500, requests), counted(5*time.Hour, 1, requests)}, []string{"requests 0: 1.501 × 0.01 = 0.02"}},
		{"over the month's end: where it begins", []Use{counted(-30*time.Minute, 1e6, requests), counted(whole-30*time.Minute, 5e5, requests)}, []string{"requests 0: 500.00 × 0.01 = 5.00"}},
		{"in tiers", []Use{counted(0, 1500, requestTiers), counted(time.Hour, 600_000, requestTiers)}, []string{"requests 1: 2.00 × 0.01 = 0.02", "requests 2: 599.50 × 0.005 = 3.00"}},
		{"nothing but a minimum", []Use{stored(m, 0, whole/2, 10, requestLeast)}, []string{"minimum of requests 0: 1.00 × 1.00 = 1.00"}},
		{"a minimum that is reached by a part", []Use{stored(m, 0, whole, 10, requestLeast), counted(time.Hour, 50_000, requestLeast)}, []string{"requests 0: 50.00 × 0.01 = 0.50", "minimum of requests 0: 1.00 × 1.50 = 1.50"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := inWords(Rate(c.uses, m, m.To)); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant\n%q", got, c.want)
			}
		})
	}
}

// lives draws the uses of some instances over a month and beyond, at prices of all
// kinds, whose terms change in the middle.
func lives(t *rapid.T, m Month) []Use {
	id := func(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}) }
	amount := func(label string) money.Amount {
		return money.MustParse(fmt.Sprintf("0.%03d", rapid.IntRange(0, 999).Draw(t, label)))
	}
	price := func(item Item, unit Unit, most int64) Price {
		p := Price{Item: item, Unit: unit, Currency: "CHF", Mode: rapid.SampledFrom([]Mode{ModeFlat, ModeGraduated, ModeVolume}).Draw(t, "mode")}
		if rapid.IntRange(0, 3).Draw(t, "least") == 0 {
			p.Minimum = money.MustParse(fmt.Sprint(rapid.IntRange(1, 30).Draw(t, "minimum")))
		}
		p.Amount = amount("amount")
		if p.Mode == ModeFlat {
			return p
		}
		upTo := rapid.Int64Range(1, most).Draw(t, "end")
		p.Tiers = []Tier{{upTo, p.Amount}, {upTo + rapid.Int64Range(1, most).Draw(t, "width"), amount("amount")}, {0, amount("amount")}}
		return p
	}
	lists := make([][]Price, 3)
	for n := range lists {
		lists[n] = []Price{price(ItemCompute, rapid.SampledFrom([]Unit{UnitHour, UnitMonth}).Draw(t, "unit"), 300), price(ItemStorage, UnitGiBMonth, 20),
			price("requests", "thousand", 50), {Item: ItemSetup, Unit: UnitOnce, Amount: amount("once"), Currency: "CHF"}}
	}
	var uses []Use
	for instance := range rapid.IntRange(1, 3).Draw(t, "instances") {
		at := m.From.Add(time.Duration(rapid.Int64Range(-3e5, 1e6).Draw(t, "start")) * time.Second)
		for n := range rapid.IntRange(1, 6).Draw(t, "links") {
			next := at.Add(time.Duration(rapid.Int64Range(1, 9e11).Draw(t, "length")) * time.Microsecond)
			list := rapid.IntRange(0, 2).Draw(t, "list")
			u := Use{ID: id(100 + len(uses)), InstanceID: id(instance), First: n == 0, Prices: lists[list], Plan: fmt.Sprint("plan", list),
				Segment: Segment{From: at, To: next, ComputeBilled: n == 0 || rapid.Bool().Draw(t, "compute"), StorageBilled: true,
					Terms: Terms{PriceList: id(50 + list), Plan: id(60 + rapid.IntRange(0, 1).Draw(t, "plan")), StorageGiB: rapid.Int64Range(1, 40).Draw(t, "gib")}}}
			uses = append(uses, u)
			counted := u
			counted.ID, counted.First, counted.ComputeBilled, counted.StorageBilled = id(100+len(uses)), false, false, false
			counted.Meter, counted.Quantity, counted.To = "requests", rapid.Int64Range(0, 90_000).Draw(t, "requests"), at.Add(time.Microsecond)
			uses = append(uses, counted)
			at = next
		}
	}
	return uses
}

// slowly rates as one would by hand, with fractions: piece by piece in the order of
// time, each at the tier that has been reached.
func slowly(uses []Use, m Month, until time.Time) map[string]string {
	type line struct {
		u      Use
		p      Price
		tier   int
		amount *big.Rat
	}
	lines := map[string]*line{}
	add := func(u Use, p Price, tier int, price money.Amount, quantity *big.Rat) {
		k := fmt.Sprint(u.InstanceID, u.Terms.PriceList, u.Terms.Plan, p.Item, tier)
		if lines[k] == nil {
			lines[k] = &line{u, p, tier, new(big.Rat)}
		}
		lines[k].amount.Add(lines[k].amount, new(big.Rat).Mul(quantity, price.Decimal().Rat()))
	}
	uses = slices.Clone(uses)
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Or(a.From.Compare(b.From), bytes.Compare(a.ID[:], b.ID[:])) })
	// how many units of the item a use has of a price, up to until
	quantityOf := func(u Use, p Price) *big.Rat {
		from, to := u.From, u.To
		if from.Before(m.From) {
			from = m.From
		}
		for _, end := range []time.Time{m.To, until} {
			if end.Before(to) {
				to = end
			}
		}
		begins := from.Equal(u.From) && from.Before(to)
		micros := big.NewRat(max(to.Sub(from).Microseconds(), 0), 1)
		switch {
		case p.Item == ItemSetup && u.First && begins:
			return big.NewRat(1, 1)
		case u.Meter != "" && p.Item == Item(u.Meter) && begins:
			return big.NewRat(u.Quantity, 1000)
		case p.Item == ItemCompute && u.ComputeBilled && p.Unit == UnitHour:
			return micros.Quo(micros, big.NewRat(3600e6, 1))
		case p.Item == ItemCompute && u.ComputeBilled:
			return micros.Quo(micros, big.NewRat(m.To.Sub(m.From).Microseconds(), 1))
		case p.Item == ItemStorage && u.StorageBilled:
			micros.Mul(micros, big.NewRat(u.Terms.StorageGiB, 1))
			return micros.Quo(micros, big.NewRat(m.To.Sub(m.From).Microseconds(), 1))
		}
		return new(big.Rat)
	}
	inForce := map[string]*big.Rat{} // shares of the month
	last := map[string]Use{}
	least := map[string]Price{}
	for _, u := range uses {
		for _, p := range u.Prices {
			scale := func(p Price) *big.Rat { // hours a month may stand for others
				if p.Unit == UnitMonth {
					return big.NewRat(m.To.Sub(m.From).Microseconds(), 3600e6)
				}
				return big.NewRat(1, 1)
			}
			before, total := new(big.Rat), new(big.Rat)
			for _, other := range uses {
				for _, op := range other.Prices {
					if other.InstanceID != u.InstanceID || op.Item != p.Item {
						continue
					}
					q := new(big.Rat).Mul(quantityOf(other, op), scale(op))
					q.Quo(q, scale(p))
					total.Add(total, q)
					if c := cmp.Or(other.From.Compare(u.From), bytes.Compare(other.ID[:], u.ID[:])); c < 0 {
						before.Add(before, q)
					}
				}
			}
			q := quantityOf(u, p)
			if !p.Minimum.IsZero() {
				k := fmt.Sprint(u.InstanceID, u.Terms.PriceList, p.Item)
				share := quantityOf(Use{Segment: Segment{From: u.From, To: u.To, ComputeBilled: true}}, Price{Item: ItemCompute, Unit: UnitMonth})
				if p.Item == "requests" && !u.ComputeBilled || p.Item == ItemCompute && !u.ComputeBilled || p.Item == ItemStorage && !u.StorageBilled {
					share = new(big.Rat)
				}
				if share.Sign() > 0 {
					if inForce[k] == nil {
						inForce[k] = new(big.Rat)
					}
					inForce[k].Add(inForce[k], share)
					last[k] = u
				} else if q.Sign() > 0 {
					last[k] = u
				}
				least[k] = p
			}
			if q.Sign() == 0 {
				continue
			}
			switch p.Mode {
			case ModeVolume:
				for i, tier := range p.Tiers {
					if tier.UpTo == 0 || total.Cmp(big.NewRat(tier.UpTo, 1)) <= 0 {
						add(u, p, i+1, tier.Amount, q)
						break
					}
				}
			case ModeGraduated:
				from, to := new(big.Rat).Set(before), new(big.Rat).Add(before, q)
				low := new(big.Rat)
				for i, tier := range p.Tiers {
					a, b := from, to
					if a.Cmp(low) < 0 {
						a = low
					}
					high := big.NewRat(tier.UpTo, 1)
					if tier.UpTo != 0 && b.Cmp(high) > 0 {
						b = high
					}
					if b.Cmp(a) > 0 {
						add(u, p, i+1, tier.Amount, new(big.Rat).Sub(b, a))
					}
					low = high
				}
			default:
				add(u, p, 0, p.Amount, q)
			}
		}
	}
	cents := func(r *big.Rat) money.Amount { // amounts are not negative: half goes up
		n := new(big.Rat).Add(new(big.Rat).Mul(r, big.NewRat(100, 1)), big.NewRat(1, 2))
		return money.MustParse("0.01").Times(new(big.Int).Div(n.Num(), n.Denom()).Int64())
	}
	out := map[string]string{}
	paid := map[string]money.Amount{}
	for k, l := range lines {
		out[k] = cents(l.amount).String()
		group := fmt.Sprint(l.u.InstanceID, l.u.Terms.PriceList, l.p.Item)
		paid[group] = paid[group].Add(cents(l.amount))
	}
	for k, p := range least {
		if inForce[k] == nil {
			continue
		}
		due := cents(new(big.Rat).Mul(inForce[k], p.Minimum.Decimal().Rat()))
		if lacks := due.Sub(paid[k]); lacks.Cmp(money.Amount{}) > 0 {
			u := last[k]
			out[fmt.Sprint(u.InstanceID, u.Terms.PriceList, u.Terms.Plan, "minimum of ", p.Item)] = lacks.String()
		}
	}
	return out
}

// Random lives at prices of all kinds are rated as by hand, in months of any length.
func TestRatingAgainstASlowReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		year, month := rapid.IntRange(2024, 2028).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month")
		m := MonthOf(time.Date(year, time.Month(month), 10, 0, 0, 0, 0, time.UTC), zurich)
		until := m.From.Add(time.Duration(rapid.Int64Range(1, 27e11).Draw(t, "until")) * time.Microsecond)
		uses := lives(t, m)
		want, got := slowly(uses, m, until), map[string]string{}
		for _, l := range Rate(uses, m, until) {
			k := fmt.Sprint(l.InstanceID, l.PriceList, l.PlanRevision, l.Item, l.Tier)
			if l.Of != "" {
				k = fmt.Sprint(l.InstanceID, l.PriceList, l.PlanRevision, "minimum of ", l.Of)
			}
			got[k] = l.Amount.String()
		}
		for k := range got {
			if got[k] != want[k] {
				t.Fatalf("%s costs %s, by hand %s", k, got[k], want[k])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d lines, by hand %d:\n%v\n%v", len(got), len(want), got, want)
		}
	})
}

// Neither the order of what is rated nor cutting it into more parts changes a byte; and
// the days add up to the whole.
func TestOrderAndCutsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := MonthOf(time.Date(2026, time.Month(rapid.SampledFrom([]int{2, 3, 10, 12}).Draw(t, "month")), 10, 0, 0, 0, 0, time.UTC), zurich)
		until := m.From.Add(time.Duration(rapid.Int64Range(1, 27e11).Draw(t, "until")) * time.Microsecond)
		uses := lives(t, m)
		want := Canonical(Rate(uses, m, until))
		other := slices.Clone(uses)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		if got := Canonical(Rate(other, m, until)); !bytes.Equal(got, want) {
			t.Fatalf("in another order\n%s\nwant\n%s", got, want)
		}
		var cut []Use
		for _, u := range uses {
			if u.Meter == "" && u.To.Sub(u.From) > 2*time.Microsecond {
				at := u.From.Add(time.Duration(rapid.Int64Range(1, u.To.Sub(u.From).Microseconds()-1).Draw(t, "cut")) * time.Microsecond)
				begin := u
				begin.To, u.From, u.First = at, at, false
				u.ID = uuid.NewSHA1(u.ID, nil)
				cut = append(cut, begin)
			}
			cut = append(cut, u)
		}
		if got := Canonical(Rate(cut, m, until)); !bytes.Equal(got, want) {
			t.Fatalf("cut into more parts\n%s\nwant\n%s", got, want)
		}
		var sum money.Amount
		for _, d := range (Course{uses: uses, month: m}).days(until) {
			sum = sum.Add(d.Amount)
		}
		if whole := Total(Rate(uses, m, until)); sum.Cmp(whole) != 0 {
			t.Fatalf("the days add up to %s, the whole is %s", sum, whole)
		}
	})
}
