package billing

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/internal/money"
)

// Discounts are taken off what they cover, one after another, and never more than there is.
func TestAfterDiscounts(t *testing.T) {
	db, cache := uuid.UUID{1}, uuid.UUID{2}
	line := func(id uuid.UUID, service string, item Item, amount string) Line {
		return Line{InstanceID: id, Service: service, Item: item, Currency: "CHF", Amount: money.MustParse(amount)}
	}
	less := func(amount string, a Agreement) Line {
		a.Currency = "CHF"
		return Line{Item: ItemDiscount, Currency: "CHF", Amount: money.MustParse(amount).Negative(), Agreement: &a}
	}
	lines := []Line{line(db, "postgresql", ItemCompute, "10.00"), line(db, "postgresql", ItemStorage, "2.00"), line(cache, "redis", ItemCompute, "6.00")}
	for _, c := range []struct {
		name      string
		discounts []Line
		want      string
	}{
		{"none", nil, "12.00 6.00"},
		{"of all", []Line{less("1.80", Agreement{})}, "10.80 5.40"},
		{"of one service", []Line{less("3.00", Agreement{Service: "redis"})}, "12.00 3.00"},
		{"of one item", []Line{less("1.00", Agreement{Item: ItemCompute})}, "11.38 5.62"}, // 0.625 and 0.375, rounded so that they add up
		{"all of one, and then of the rest", []Line{less("6.00", Agreement{Service: "redis"}), less("1.20", Agreement{})}, "10.80 0.00"},
		{"of what was not used", []Line{less("0.00", Agreement{Service: "nats"})}, "12.00 6.00"},
	} {
		left := AfterDiscounts(append(lines[:3:3], c.discounts...))
		if got := fmt.Sprint(left[db].Fixed(2), " ", left[cache].Fixed(2)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// What instances are charged after discounts adds up to the lines, and is never negative.
func TestAfterDiscountsAddsUp(t *testing.T) {
	m := Month{From: zurichDay(t, "2026-11-01"), To: zurichDay(t, "2026-12-01"), Location: zurich}
	uses := []Use{used(t, "postgresql", "small", "2026-11-01", "2026-12-01", "0.02"), used(t, "redis", "plan1", "2026-11-10", "2026-11-20", "0.03")}
	rapid.Check(t, func(t *rapid.T) {
		lines := Charge(uses, agreed(t, m), m, m.To)
		var sum money.Amount
		for id, left := range AfterDiscounts(lines) {
			if left.Cmp(money.Amount{}) < 0 {
				t.Fatalf("%v is charged %s", id, left)
			}
			sum = sum.Add(left)
		}
		if total := Total(lines); sum.Cmp(total) != 0 {
			t.Fatalf("%s and not %s", sum, total)
		}
	})
}
