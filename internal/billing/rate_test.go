package billing

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"souk/internal/money"
)

var zurich, _ = time.LoadLocation("Europe/Zurich")

var prices = []Price{
	{Item: ItemCompute, Unit: UnitHour, Amount: money.MustParse("0.02"), Currency: "CHF"},
	{Item: ItemStorage, Unit: UnitGiBMonth, Amount: money.MustParse("0.20"), Currency: "CHF"},
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		name  string
		day   string
		month string
	}{
		{"thirty days", "2026-11-10", "16.40"},       // 720 h × 0.02 + 10 × 0.20
		{"thirty-one days", "2026-12-10", "16.88"},   // 744 h
		{"clocks go forward", "2026-03-10", "16.86"}, // 743 h
		{"clocks go back", "2026-10-10", "16.90"},    // 745 h
		{"february", "2026-02-10", "15.44"},          // 672 h
	} {
		t.Run(c.name, func(t *testing.T) {
			day, _ := time.Parse(time.DateOnly, c.day)
			if got := QuoteFor(10, prices, MonthOf(day, zurich)).Month.String(); got != c.month {
				t.Errorf("a month costs %s, want %s", got, c.month)
			}
		})
	}
}

func TestMonthFollowsTheBillingZone(t *testing.T) {
	m := MonthOf(time.Date(2026, 10, 31, 23, 30, 0, 0, time.UTC), zurich) // already November in Zürich
	if m.String() != "2026-11" {
		t.Errorf("the month is %s", m)
	}
}

// Cutting a chain into more links at the same terms never changes what is billed.
func TestRatingDoesNotDependOnCuts(t *testing.T) {
	m := MonthOf(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), zurich)
	rapid.Check(t, func(t *rapid.T) {
		whole := Segment{From: m.From.Add(-time.Hour), To: m.From.Add(500 * time.Hour), ComputeBilled: true, StorageBilled: true, Terms: Terms{StorageGiB: 7}}
		var cut []Use
		rest := whole
		for range rapid.IntRange(0, 20).Draw(t, "cuts") {
			d := time.Duration(rapid.Int64Range(1, 3600e6).Draw(t, "micros")) * time.Microsecond
			piece := rest
			piece.To = rest.From.Add(d)
			rest.From = piece.To
			cut = append(cut, Use{Segment: piece, Prices: prices})
		}
		cut = append(cut, Use{Segment: rest, Prices: prices})
		a := Rate([]Use{{Segment: whole, Prices: prices}}, m, m.To)
		b := Rate(cut, m, m.To)
		if len(a) != len(b) {
			t.Fatalf("%d lines and %d", len(a), len(b))
		}
		for i := range a {
			if a[i].Used.Cmp(b[i].Used) != 0 || a[i].Amount.Cmp(b[i].Amount) != 0 {
				t.Fatalf("line %d: %+v and %+v", i, a[i], b[i])
			}
		}
	})
}

// kept is a use of backups of that many bytes.
func kept(from, to time.Time, bytes int64) Use {
	return Use{Segment: Segment{From: from, To: to}, BackupBytes: bytes, Instance: "db1",
		Prices: []Price{prices[0], prices[1], {Item: ItemBackupStorage, Unit: UnitGiBMonth, Amount: money.MustParse("0.05"), Currency: "CHF"}}}
}

func TestBackupsAreRatedByTheByte(t *testing.T) {
	day := func(text string) time.Time {
		d, err := time.ParseInLocation("2006-01-02 15:04", text, zurich)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	hourly := kept(day("2026-11-01 00:00"), day("2026-11-02 00:00"), 10<<30)
	hourly.Prices = []Price{{Item: ItemBackupStorage, Unit: UnitGiBHour, Amount: money.MustParse("0.001"), Currency: "CHF"}}
	for _, c := range []struct {
		name             string
		uses             []Use
		month            string
		quantity, amount string
	}{
		{"a GiB for a whole month", []Use{kept(day("2026-11-01 00:00"), day("2026-12-01 00:00"), 1<<30)}, "2026-11-10 00:00", "1.00", "0.05"},
		{"a month in which clocks go forward", []Use{kept(day("2026-03-01 00:00"), day("2026-04-01 00:00"), 100<<30)}, "2026-03-10 00:00", "100.00", "5.00"},
		{"one in which they go back", []Use{kept(day("2026-10-01 00:00"), day("2026-11-01 00:00"), 100<<30)}, "2026-10-10 00:00", "100.00", "5.00"},
		{"over the end of a month: what lies in the first", []Use{kept(day("2026-02-27 00:00"), day("2026-03-03 00:00"), 280<<30)}, "2026-02-10 00:00", "20.00", "1.00"},
		{"and what in the second", []Use{kept(day("2026-02-27 00:00"), day("2026-03-03 00:00"), 743<<30)}, "2026-03-10 00:00", "48.00", "2.40"},
		{"one that goes on", []Use{kept(day("2026-11-16 00:00"), time.Time{}, 1<<30)}, "2026-11-10 00:00", "0.50", "0.03"},
		{"none in this month", []Use{kept(day("2026-10-16 00:00"), day("2026-11-01 00:00"), 1<<30)}, "2026-11-10 00:00", "", ""},
		{"a byte", []Use{kept(day("2026-11-01 00:00"), day("2026-12-01 00:00"), 1)}, "2026-11-10 00:00", "0.00", "0.00"},
		{"more than an int64 holds of it", []Use{kept(day("2026-11-01 00:00"), day("2026-12-01 00:00"), 1<<60)}, "2026-11-10 00:00", "1073741824.00", "53687091.20"},
		{"rounded once, at the line", []Use{kept(day("2026-11-01 00:00"), day("2026-11-02 00:00"), 3<<30), kept(day("2026-11-02 00:00"), day("2026-11-03 00:00"), 3<<30)}, "2026-11-10 00:00", "0.20", "0.01"},
		{"by the hour", []Use{hourly}, "2026-11-10 00:00", "240.00", "0.24"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := MonthOf(day(c.month), zurich)
			lines := Rate(c.uses, m, m.To)
			if c.quantity == "" {
				if len(lines) > 0 {
					t.Errorf("%+v", lines)
				}
				return
			}
			if len(lines) != 1 || lines[0].Item != ItemBackupStorage || lines[0].Quantity() != c.quantity || lines[0].Amount.String() != c.amount {
				t.Errorf("%+v, quantity %s, amount %s; want one line of %s for %s", lines, lines[0].Quantity(), lines[0].Amount, c.quantity, c.amount)
			}
		})
	}
}

// What backups cost is said by the unit, and is in no figure of a quote.
func TestAQuoteNamesWhatIsMeasured(t *testing.T) {
	m := MonthOf(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), zurich)
	with := append(slices.Clone(prices), Price{Item: ItemBackupStorage, Unit: UnitGiBMonth, Amount: money.MustParse("0.05"), Currency: "CHF"})
	a, b := QuoteFor(10, prices, m), QuoteFor(10, with, m)
	if a.Month.Cmp(b.Month) != 0 || a.Hour.Cmp(b.Hour) != 0 || len(a.Lines) != len(b.Lines) || len(a.ByUse) != 0 {
		t.Errorf("%+v and %+v", a, b)
	}
	if len(b.ByUse) != 1 || b.ByUse[0].Item != ItemBackupStorage {
		t.Errorf("by use: %+v", b.ByUse)
	}
}

// Days are rated one after another; what they add up to is what is rated at once.
func TestDaysAreThoseOfTheWhole(t *testing.T) {
	m := MonthOf(time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), zurich)
	rapid.Check(t, func(t *rapid.T) {
		var uses []Use
		for range rapid.IntRange(0, 8).Draw(t, "uses") {
			from := m.From.Add(time.Duration(rapid.Int64Range(-1e5, 2e6).Draw(t, "from")) * time.Second)
			to := from.Add(time.Duration(rapid.Int64Range(1, 2e6).Draw(t, "length")) * time.Second)
			u := kept(from, to, rapid.Int64Range(0, 1<<40).Draw(t, "bytes"))
			u.ComputeBilled = rapid.Bool().Draw(t, "compute")
			uses = append(uses, u)
		}
		until := m.From.Add(time.Duration(rapid.Int64Range(1, 3e6).Draw(t, "until")) * time.Second)
		list := Course{uses: uses, month: m}.days(until)
		var sum money.Amount
		for n, d := range list {
			sum = sum.Add(d.Amount)
			end := m.From.In(zurich).AddDate(0, 0, n+1)
			if until.Before(end) {
				end = until
			}
			if want := Total(Rate(uses, m, end)); sum.Cmp(want) != 0 {
				t.Fatalf("up to %s the days add up to %s, at once it is %s", end, sum, want)
			}
		}
	})
}
