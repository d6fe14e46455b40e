package billing

import (
	"bytes"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"souk/internal/money"
)

// What lines are made of adds up to them, whatever the prices are and wherever it is cut
// off; it lies within what it is of; and asking for it changes no line.
func TestPartsAddUpToTheirLine(t *testing.T) {
	m := MonthOf(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), zurich)
	rapid.Check(t, func(t *rapid.T) {
		uses := lives(t, m)
		until := m.From.Add(time.Duration(rapid.Int64Range(0, 32*86400).Draw(t, "until")) * time.Second)
		plain, lines := Rate(uses, m, until), Explain(uses, m, until)
		if !bytes.Equal(Canonical(plain), Canonical(lines)) {
			t.Fatalf("%s\nand explained\n%s", Canonical(plain), Canonical(lines))
		}
		for n, l := range lines {
			if len(plain[n].Parts) > 0 {
				t.Fatal("it was not asked for the parts")
			}
			used, time := new(big.Int), int64(0)
			for _, p := range l.Parts {
				used.Add(used, p.Used)
				if p.To.Before(p.From) || p.From.Before(p.Use.From) || p.To.After(p.Use.To) || p.From.Before(m.From) {
					t.Fatalf("%s to %s of a use from %s to %s", p.From, p.To, p.Use.From, p.Use.To)
				}
				if p.Use.Meter == "" {
					time += p.To.Sub(p.From).Microseconds()
				}
			}
			rounded := money.MustParse(l.Unrounded().FloatString(2))
			if rounded.Sub(l.Charged).Cmp(l.Amount) != 0 {
				t.Fatalf("%s: the parts come to %s, and the line is %s", l.Item, l.Unrounded().FloatString(6), l.Amount)
			}
			if l.Item == ItemMinimum {
				continue
			}
			if used.Cmp(l.Used) != 0 || time != l.Billed.Microseconds() || !l.Charged.IsZero() {
				t.Fatalf("%s: the parts have %s in %d µs, the line %s in %s", l.Item, used, time, l.Used, l.Billed)
			}
		}
	})
}

// A line keeps its key when others come and things are renamed, and no two have one.
func TestKeysOfLines(t *testing.T) {
	m := MonthOf(time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC), zurich)
	rapid.Check(t, func(t *rapid.T) {
		uses := lives(t, m)
		keys := map[string]bool{}
		for _, l := range Rate(uses, m, m.To) {
			if keys[l.Key()] {
				t.Fatalf("two lines have the key %s", l.Key())
			}
			keys[l.Key()] = true
		}
		for n := range uses {
			uses[n].Instance, uses[n].Project = "other", "names"
		}
		for _, l := range Rate(uses, m, m.From.Add(m.To.Sub(m.From)/2)) {
			if !keys[l.Key()] && l.Tier == 0 && l.Item != ItemMinimum {
				t.Fatalf("no line of the whole month has the key of %s", l.Item)
			}
		}
	})
}
