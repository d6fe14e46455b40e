package tax

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"souk/internal/money"
)

func TestTreat(t *testing.T) {
	swiss, german, french, american := Party{Country: "CH"}, Party{Country: "DE", VATID: "DE123456789"}, Party{Country: "FR", VATID: "FR12345678901"}, Party{Country: "US"}
	for _, c := range []struct {
		name             string
		issuer, customer Party
		day              Day
		want             string
		err              error
	}{
		{"at home", swiss, swiss, "2026-11-22", "S 8.10", nil},
		{"Liechtenstein is of the Swiss territory", swiss, Party{Country: "LI"}, "2026-11-22", "S 8.10", nil},
		{"the last day of a rate", swiss, swiss, "2023-12-31", "S 7.70", nil},
		{"the first day of the next", swiss, swiss, "2024-01-01", "S 8.10", nil},
		{"before any that is known", swiss, swiss, "2010-12-31", "", ErrNoRate},
		{"a lower rate for half a year", german, german, "2020-12-31", "S 16.00", nil},
		{"and after it", german, german, "2021-01-01", "S 19.00", nil},
		{"at home without a number", german, Party{Country: "DE"}, "2026-11-22", "S 19.00", nil},
		{"from Switzerland into the union", swiss, german, "2026-11-22", "AE 0.00 VATEX-EU-AE", nil},
		{"within the union", german, french, "2026-11-22", "AE 0.00 VATEX-EU-AE", nil},
		{"to Monaco as to France", german, Party{Country: "MC", VATID: "FR12345678901"}, "2026-11-22", "AE 0.00 VATEX-EU-AE", nil},
		{"into the union without a number", swiss, Party{Country: "DE"}, "2026-11-22", "", ErrNoVATID},
		{"beyond the union", german, american, "2026-11-22", "G 0.00 VATEX-EU-G", nil},
		{"from the union to Switzerland", german, swiss, "2026-11-22", "G 0.00 VATEX-EU-G", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			is, err := Treat(c.issuer, c.customer, c.day)
			got := ""
			if err == nil {
				got = fmt.Sprintf("%s %s", is.Category, is.Percent)
				if is.Code != "" {
					got += " " + is.Code
				}
				if (is.Reason == "") != (is.Category == Standard) {
					t.Errorf("the reason is %q", is.Reason)
				}
			}
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestNormalVATID(t *testing.T) {
	for _, c := range []struct{ country, typed, want string }{
		{"CH", "CHE-109.322.551 MWST", "CHE-109.322.551 MWST"},
		{"CH", "che109322551", "CHE-109.322.551 MWST"},
		{"LI", "CHE-109.322.551 TVA", "CHE-109.322.551 TVA"},
		{"CH", "CHE-109.322.552", "!"},
		{"CH", "CHE-109.322", "!"},
		{"DE", "de 123 456 789", "DE123456789"},
		{"DE", "FR123456789", "!"},
		{"GR", "EL123456789", "EL123456789"},
		{"DE", "", ""},
		{"US", " 12-3456789 ", "12-3456789"},
	} {
		got, err := NormalVATID(c.country, c.typed)
		if err != nil {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%s %q: %q, want %q (%v)", c.country, c.typed, got, c.want, err)
		}
	}
}

// The tax is that of the sum, not the sum of what each line's tax would be.
func TestSumRoundsOnce(t *testing.T) {
	taxed := Treatment{Category: Standard, Percent: money.MustParse("8.1")}
	bases := []Base{{money.MustParse("0.05"), taxed}, {money.MustParse("0.05"), taxed}, {money.MustParse("0.05"), taxed}, {money.MustParse("-1.00"), Treatment{Category: Export, Code: "VATEX-EU-G"}}}
	got := Sum(bases, 2)
	if len(got) != 2 || got[0].Category != Export || got[0].Tax.String() != "0.00" || got[1].Net.String() != "0.15" || got[1].Tax.String() != "0.01" {
		t.Errorf("%+v", got)
	}
}

// Nothing is lost, in whichever order lines come.
func TestSumKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bases []Base
		var all money.Amount
		for range rapid.IntRange(0, 30).Draw(t, "lines") {
			net := money.MustParse("0.01").Times(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "net"))
			how := rapid.SampledFrom([]Treatment{{Category: Standard, Percent: money.MustParse("8.1")}, {Category: Standard, Percent: money.MustParse("7.7")}, {Category: ReverseCharge, Code: "VATEX-EU-AE"}}).Draw(t, "how")
			bases, all = append(bases, Base{net, how}), all.Add(net)
		}
		sums := Sum(bases, 2)
		again := Sum(rapid.Permutation(bases).Draw(t, "order"), 2)
		if fmt.Sprint(sums) != fmt.Sprint(again) {
			t.Fatalf("%v in another order is %v", sums, again)
		}
		for _, s := range sums {
			all = all.Sub(s.Net)
		}
		if !all.IsZero() {
			t.Fatalf("%s is left over", all)
		}
	})
}
