package billing

import (
	"bytes"
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

func zurichDay(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := beginning(text, zurich)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// used is an instance of a service at a price of compute by the hour, from one day to
// another.
func used(t testing.TB, service, plan, from, to, price string) Use {
	return Use{Segment: Segment{From: zurichDay(t, from), To: zurichDay(t, to), ComputeBilled: true, Terms: Terms{PriceList: uuid.NewSHA1(uuid.Nil, []byte(price))}},
		InstanceID: uuid.NewSHA1(uuid.Nil, []byte(service+plan)), Service: service, Plan: plan,
		Prices: []Price{{Item: ItemCompute, Unit: UnitHour, Amount: money.MustParse(price), Currency: "CHF"}}}
}

func TestDiscounts(t *testing.T) {
	at := func(text string) time.Time { return zurichDay(t, text) }
	percent := func(p, from, to string) Agreement {
		a := Agreement{ID: uuid.NewSHA1(uuid.Nil, []byte(p+from)), Name: p, Kind: AgreementPercent, Percent: money.MustParse(p), Currency: "CHF", From: at(from)}
		if to != "" {
			a.To = at(to)
		}
		return a
	}
	month := func(amount, from, to string) Agreement {
		a := percent("1", from, to)
		a.Kind, a.Name, a.Amount, a.ID = AgreementAmount, amount, money.MustParse(amount), uuid.NewSHA1(uuid.Nil, []byte(amount))
		return a
	}
	volume := percent("1", "2026-01-01", "")
	volume.Name, volume.Kind, volume.Tiers = "volume", AgreementVolume, []DiscountTier{{money.MustParse("50"), money.MustParse("0")}, {money.MustParse("100"), money.MustParse("5")}, {money.Amount{}, money.MustParse("10")}}
	only := func(a Agreement, service, plan string, item Item) Agreement {
		a.Service, a.Plan, a.Item = service, plan, item
		return a
	}
	euros := percent("10", "2026-01-01", "")
	euros.Currency = "EUR"
	whole := func(month, next string) []Use { return []Use{used(t, "pg", "small", month, next, "0.10")} }
	november := whole("2026-11-01", "2026-12-01") // 720 h, 72.00
	two := append(slices.Clone(november), used(t, "redis", "small", "2026-11-01", "2026-12-01", "0.05"))
	for _, c := range []struct {
		name       string
		uses       []Use
		agreements []Agreement
		month      string
		want       []string // name: amount of what was left
	}{
		{"a percentage", november, []Agreement{percent("12.5", "2026-11-01", "2026-12-01")}, "2026-11-05", []string{"12.5: -9.00 of 72.00"}},
		{"one that has no end", november, []Agreement{percent("12.5", "2025-03-01", "")}, "2026-11-05", []string{"12.5: -9.00 of 72.00"}},
		{"all of it", november, []Agreement{percent("100", "2026-11-01", "")}, "2026-11-05", []string{"100: -72.00 of 72.00"}},
		{"before it begins", november, []Agreement{percent("12.5", "2026-12-01", "")}, "2026-11-05", nil},
		{"after it ended", november, []Agreement{percent("12.5", "2026-10-01", "2026-11-01")}, "2026-11-05", nil},
		{"one that never held", november, []Agreement{percent("12.5", "2026-11-10", "2026-11-10")}, "2026-11-05", nil},
		{"from the middle of a month on", november, []Agreement{percent("10", "2026-11-11", "")}, "2026-11-05", []string{"10: -4.80 of 48.00"}},
		{"up to it", november, []Agreement{percent("10", "2026-01-01", "2026-11-11")}, "2026-11-05", []string{"10: -2.40 of 24.00"}},
		{"within it", november, []Agreement{percent("10", "2026-11-11", "2026-11-12")}, "2026-11-05", []string{"10: -0.24 of 2.40"}},
		{"the day on which clocks go forward", whole("2026-03-01", "2026-04-01"), []Agreement{percent("10", "2026-03-29", "2026-03-30")}, "2026-03-05", []string{"10: -0.23 of 2.30"}},
		{"the day on which they go back", whole("2026-10-01", "2026-11-01"), []Agreement{percent("10", "2026-10-25", "2026-10-26")}, "2026-10-05", []string{"10: -0.25 of 2.50"}},
		{"a leap day", whole("2028-02-01", "2028-03-01"), []Agreement{percent("50", "2028-02-29", "")}, "2028-02-05", []string{"50: -1.20 of 2.40"}},
		{"an amount", november, []Agreement{month("50", "2026-11-01", "")}, "2026-11-05", []string{"50: -50.00 of 72.00"}},
		{"an amount that is more than there is", november, []Agreement{month("500", "2026-11-01", "")}, "2026-11-05", []string{"500: -72.00 of 72.00"}},
		{"an amount for a third of the month", november, []Agreement{month("50", "2026-11-01", "2026-11-11")}, "2026-11-05", []string{"50: -16.67 of 24.00"}},
		{"an amount where clocks go forward", whole("2026-03-01", "2026-04-01"), []Agreement{month("74.30", "2026-03-01", "2026-03-30")}, "2026-03-05", []string{"74.30: -69.50 of 69.50"}},
		{"a volume: each part by its tier", two, []Agreement{volume}, "2026-11-05", []string{"volume: -3.30 of 108.00"}}, // 50 × 5 % + 8 × 10 %
		{"a volume that reaches no percentage", whole("2026-11-01", "2026-11-11"), []Agreement{volume}, "2026-11-05", nil},
		{"of a service", two, []Agreement{only(percent("10", "2026-01-01", ""), "redis", "", "")}, "2026-11-05", []string{"10: -3.60 of 36.00"}},
		{"of a plan that nobody has", two, []Agreement{only(percent("10", "2026-01-01", ""), "redis", "large", "")}, "2026-11-05", nil},
		{"of an item that nobody uses", two, []Agreement{only(percent("10", "2026-01-01", ""), "", "", ItemStorage)}, "2026-11-05", nil},
		{"of another currency", two, []Agreement{euros}, "2026-11-05", nil},
		{"volume, percentage, amount", two, []Agreement{month("5", "2026-01-01", ""), percent("10", "2026-01-01", ""), volume}, "2026-11-05",
			[]string{"volume: -3.30 of 108.00", "10: -10.47 of 104.70", "5: -5.00 of 94.23"}},
		{"what the one has left of what the other covers", two, []Agreement{only(month("90", "2026-01-01", ""), "pg", "", ""), percent("50", "2026-01-01", "")}, "2026-11-05",
			[]string{"50: -54.00 of 108.00", "90: -36.00 of 36.00"}},
		{"nothing is left", november, []Agreement{percent("100", "2026-01-01", ""), month("5", "2026-01-01", "")}, "2026-11-05", []string{"100: -72.00 of 72.00"}},
		{"nothing was used", nil, []Agreement{percent("100", "2026-01-01", ""), month("5", "2026-01-01", "")}, "2026-11-05", nil},
		{"less than a cent", []Use{used(t, "pg", "small", "2026-11-01", "2026-11-02", "0.001")}, []Agreement{percent("10", "2026-01-01", "")}, "2026-11-05", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := MonthOf(at(c.month), zurich)
			var got []string
			for _, l := range Charge(c.uses, c.agreements, m, m.To)[len(Rate(c.uses, m, m.To)):] {
				got = append(got, fmt.Sprintf("%s: %s of %s", l.Agreement.Name, l.Amount, l.Reduces))
				if l.Item != ItemDiscount || l.Quantity() != "-1.00" || l.Price.Cmp(l.Amount.Negative()) != 0 || l.Price.Cmp(money.Amount{}) <= 0 || l.Currency != "CHF" {
					t.Errorf("%+v", l)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// agreed draws agreements of all kinds, that begin and end on any days around a month.
func agreed(t *rapid.T, m Month) []Agreement {
	day := func(label string) time.Time {
		first := m.From.In(m.Location)
		return time.Date(first.Year(), first.Month(), rapid.IntRange(-5, 40).Draw(t, label), 0, 0, 0, 0, m.Location).UTC()
	}
	amount := func(label string, most int) money.Amount {
		return money.MustParse(fmt.Sprintf("%d.%d", rapid.IntRange(0, most).Draw(t, label), rapid.IntRange(1, 99).Draw(t, label)))
	}
	var all []Agreement
	for n := range rapid.IntRange(0, 4).Draw(t, "agreements") {
		a := Agreement{ID: uuid.NewSHA1(uuid.Nil, []byte{200, byte(n)}), Kind: rapid.SampledFrom(AgreementKinds).Draw(t, "kind"), Currency: "CHF", From: day("begins"), Recorded: m.From.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "recorded")) * time.Hour),
			Plan: rapid.SampledFrom([]string{"", "", "plan1"}).Draw(t, "of a plan"), Item: rapid.SampledFrom([]Item{"", "", ItemStorage, ItemCompute}).Draw(t, "of an item")}
		if rapid.Bool().Draw(t, "ends") {
			a.To = day("end")
		}
		switch a.Kind {
		case AgreementPercent:
			a.Percent = amount("percent", 99)
		case AgreementAmount:
			a.Amount = amount("amount", 300)
		case AgreementVolume:
			first := amount("tier", 50)
			a.Tiers = []DiscountTier{{first, amount("of the first", 20)}, {first.Add(amount("width", 100)), amount("of the second", 50)}, {money.Amount{}, amount("of the last", 99)}}
		}
		all = append(all, a)
	}
	return all
}

// bySlowHand discounts as one would by hand, with fractions, day by day: what each day has
// let a line grow by is a coin that agreements take a share of.
func bySlowHand(uses []Use, agreements []Agreement, m Month, until time.Time) []string {
	type coin struct {
		day  time.Time
		line Line
		left *big.Rat
	}
	var coins []*coin
	before := map[string]money.Amount{}
	for day := m.From.In(zurich); day.Before(until) && day.Before(m.To); day = time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zurich) {
		end := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zurich)
		if until.Before(end) {
			end = until
		}
		now, words := map[string]money.Amount{}, map[string]Line{}
		for _, l := range Rate(uses, m, end) {
			k := fmt.Sprint(l.InstanceID, l.PriceList, l.PlanRevision, l.Item, l.Of, l.Tier)
			now[k], words[k] = l.Amount, l
			if _, known := before[k]; !known {
				before[k] = money.Amount{}
			}
		}
		for k, was := range before {
			l, there := words[k]
			if !there { // the tier that it lay in has changed: it is taken back
				for _, c := range coins {
					if fmt.Sprint(c.line.InstanceID, c.line.PriceList, c.line.PlanRevision, c.line.Item, c.line.Of, c.line.Tier) == k {
						l = c.line
					}
				}
			}
			if grown := now[k].Sub(was); !grown.IsZero() {
				coins = append(coins, &coin{day.UTC(), l, grown.Decimal().Rat()})
			}
			before[k] = now[k]
		}
	}
	floor := func(r *big.Rat) *big.Rat {
		n := new(big.Rat).Mul(r, big.NewRat(100, 1))
		return new(big.Rat).SetFrac(new(big.Int).Div(n.Num(), n.Denom()), big.NewInt(100))
	}
	cents := func(r *big.Rat) *big.Rat { return floor(new(big.Rat).Add(r, big.NewRat(1, 200))) }
	var out []string
	for _, kind := range []AgreementKind{AgreementVolume, AgreementPercent, AgreementAmount} {
		for {
			var a *Agreement // the next of the kind
			for i := range agreements {
				b := &agreements[i]
				if b.Kind != kind || slices.ContainsFunc(out, func(s string) bool { return s[:36] == b.ID.String() }) {
					continue
				}
				if a == nil || b.Recorded.Before(a.Recorded) || b.Recorded.Equal(a.Recorded) && b.ID.String() < a.ID.String() {
					a = b
				}
			}
			if a == nil {
				break
			}
			holds := func(day time.Time) bool { return !day.Before(a.From) && (a.To.IsZero() || day.Before(a.To)) }
			var covered []*coin
			base := new(big.Rat)
			for _, c := range coins {
				item := c.line.Item
				if item == ItemMinimum {
					item = c.line.Of
				}
				if holds(c.day) && (a.Plan == "" || a.Plan == c.line.Plan) && (a.Item == "" || a.Item == item) {
					covered = append(covered, c)
					base.Add(base, c.left)
				}
			}
			less := new(big.Rat)
			switch {
			case base.Sign() <= 0:
			case kind == AgreementPercent:
				less = cents(new(big.Rat).Mul(base, new(big.Rat).Quo(a.Percent.Decimal().Rat(), big.NewRat(100, 1))))
			case kind == AgreementVolume:
				rest, before := new(big.Rat).Set(base), new(big.Rat)
				for _, tier := range a.Tiers {
					width := new(big.Rat).Sub(tier.UpTo.Decimal().Rat(), before)
					if tier.UpTo.IsZero() || width.Cmp(rest) > 0 {
						width = new(big.Rat).Set(rest)
					}
					less.Add(less, new(big.Rat).Mul(width, new(big.Rat).Quo(tier.Percent.Decimal().Rat(), big.NewRat(100, 1))))
					rest.Sub(rest, width)
					before = tier.UpTo.Decimal().Rat()
				}
				less = cents(less)
			default:
				days, all := time.Duration(0), m.To.Sub(m.From)
				for day := m.From.In(zurich); day.Before(m.To); {
					next := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, zurich)
					if holds(day) {
						days += next.Sub(day)
					}
					day = next
				}
				less = cents(new(big.Rat).Mul(a.Amount.Decimal().Rat(), big.NewRat(int64(days), int64(all))))
			}
			if base.Sign() > 0 && less.Cmp(floor(base)) > 0 {
				less = floor(base)
			}
			if base.Sign() > 0 && less.Sign() > 0 {
				share := new(big.Rat).Quo(new(big.Rat).Sub(base, less), base)
				for _, c := range covered {
					c.left.Mul(c.left, share)
				}
			}
			out = append(out, a.ID.String()+" "+less.FloatString(2))
		}
	}
	return slices.DeleteFunc(out, func(s string) bool { return s[37:] == "0.00" })
}

// Random agreements over random lives are what they are by hand, never take more than
// there is, and it does not matter in which order they are stored.
func TestDiscountsAgainstASlowReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := MonthOf(time.Date(rapid.IntRange(2024, 2028).Draw(t, "year"), time.Month(rapid.SampledFrom([]int{2, 3, 10, 12}).Draw(t, "month")), 10, 0, 0, 0, 0, time.UTC), zurich)
		until := m.From.Add(time.Duration(rapid.Int64Range(1, 27e11).Draw(t, "until")) * time.Microsecond)
		uses, agreements := lives(t, m), agreed(t, m)
		plain, lines := Rate(uses, m, until), Charge(uses, agreements, m, until)
		var got []string
		for _, l := range lines[len(plain):] {
			got = append(got, l.Agreement.ID.String()+" "+l.Price.String())
		}
		if want := bySlowHand(uses, agreements, m, until); !slices.Equal(got, want) {
			t.Fatalf("%q, by hand %q", got, want)
		}
		if !bytes.Equal(Canonical(lines[:len(plain)]), Canonical(plain)) {
			t.Fatal("the lines of what was used are others with discounts")
		}
		if whole := Total(lines); whole.Cmp(money.Amount{}) < 0 {
			t.Fatalf("the total is %s", whole)
		}
		other := slices.Clone(agreements)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		if again := Charge(uses, other, m, until); !bytes.Equal(Canonical(again), Canonical(lines)) {
			t.Fatal("stored in another order they give other bytes")
		}
		var sum money.Amount
		for _, d := range (Course{uses: uses, agreements: agreements, month: m}).days(until) {
			sum = sum.Add(d.Amount)
		}
		if sum.Cmp(Total(lines)) != 0 {
			t.Fatalf("the days add up to %s, the whole is %s", sum, Total(lines))
		}
	})
}

// An agreement that is cut in two on any day comes to the same, but for a rounding of each.
func TestAnAgreementCutInTwo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := MonthOf(time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 10, 0, 0, 0, 0, time.UTC), zurich)
		uses := lives(t, m)
		for i := range uses { // what is cheaper by volume may grow by less than nothing
			for p := range uses[i].Prices {
				if uses[i].Prices[p].Mode == ModeVolume {
					uses[i].Prices[p].Mode = ModeGraduated
				}
			}
		}
		whole := Agreement{ID: uuid.NewSHA1(uuid.Nil, []byte("whole")), Kind: AgreementPercent, Percent: money.MustParse(fmt.Sprint(rapid.IntRange(1, 100).Draw(t, "percent"))), Currency: "CHF", From: m.From}
		first := m.From.In(zurich)
		cut := time.Date(first.Year(), first.Month(), rapid.IntRange(2, 28).Draw(t, "cut"), 0, 0, 0, 0, zurich).UTC()
		begin, end := whole, whole
		begin.To, end.From, end.ID = cut, cut, uuid.NewSHA1(uuid.Nil, []byte("end"))
		less := func(agreements ...Agreement) money.Amount {
			return Total(Rate(uses, m, m.To)).Sub(Total(Charge(uses, agreements, m, m.To)))
		}
		if a, b := less(whole), less(begin, end); a.Sub(b).Cmp(money.MustParse("0.01")) > 0 || b.Sub(a).Cmp(money.MustParse("0.01")) > 0 {
			t.Fatalf("whole %s, cut %s", a, b)
		}
	})
}
