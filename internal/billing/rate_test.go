package billing

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"souk/internal/money"
)

var zurich, _ = time.LoadLocation("Europe/Zurich")

var prices = []Price{
	{ItemCompute, UnitHour, money.MustParse("0.02"), "CHF"},
	{ItemStorage, UnitGiBMonth, money.MustParse("0.20"), "CHF"},
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
			if a[i].Micros != b[i].Micros || a[i].Amount.Cmp(b[i].Amount) != 0 {
				t.Fatalf("line %d: %+v and %+v", i, a[i], b[i])
			}
		}
	})
}
