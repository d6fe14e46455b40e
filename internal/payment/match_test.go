package payment

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/internal/money"
)

func amount(text string) money.Amount { return money.MustParse(text) }

var acme, bill = uuid.New(), uuid.New()

func TestMatch(t *testing.T) {
	for name, c := range map[string]struct {
		amount, currency string
		invoice          *Invoice
		want             string
	}{
		"just what is open":      {"100", "CHF", open("100"), "matched invoice 100"},
		"less":                   {"40", "CHF", open("100"), "part invoice 40"},
		"more":                   {"120", "CHF", open("100"), "over invoice 100 credit 20"},
		"when nothing is open":   {"100", "CHF", open("0"), "again credit 100"},
		"when too much was paid": {"100", "CHF", open("-5"), "again credit 100"},
		"for no invoice":         {"100", "CHF", nil, "unmatched"},
		"in another currency":    {"100", "EUR", open("100"), "currency"},
		"for a written-off one":  {"120", "CHF", &Invoice{ID: bill, Organization: acme, Currency: "CHF", WrittenOff: amount("100")}, "written-off invoice 100 credit 20"},
	} {
		t.Run(name, func(t *testing.T) {
			moves, finding := Match(amount(c.amount), c.currency, c.invoice)
			if got := told(string(finding), moves); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func open(of string) *Invoice {
	return &Invoice{ID: bill, Organization: acme, Currency: "CHF", Open: amount(of)}
}

func told(text string, moves []Move) string {
	for _, m := range moves {
		what := "invoice"
		if m.Invoice == uuid.Nil {
			what = "credit"
		}
		text += fmt.Sprintf(" %s %s", what, m.Amount.Decimal())
	}
	return text
}

func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		credit string
		open   []string
		want   string
	}{
		"nothing":                     {"0", []string{"5"}, ""},
		"less than is open":           {"3", []string{"5", "5"}, " invoice 3"},
		"more than one is open":       {"7", []string{"5", "5"}, " invoice 5 invoice 2"},
		"more than all":               {"70", []string{"5"}, " invoice 5"},
		"one was credited when paid":  {"0", []string{"5", "-4"}, " invoice -4 invoice 4"},
		"credit that is not there":    {"-1", []string{"5"}, ""},
		"the surplus covers what was": {"-3", []string{"5", "-4"}, " invoice -4 invoice 1"},
	} {
		t.Run(name, func(t *testing.T) {
			var invoices []Invoice
			for _, of := range c.open {
				invoices = append(invoices, *open(of))
			}
			if got := told("", Settle(amount(c.credit), invoices)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestReferencesIn(t *testing.T) {
	for name, c := range map[string]struct {
		reference, text string
		want            []string
	}{
		"as such":           {"RF18539007547034", "something", []string{"RF18539007547034"}},
		"as such, spaced":   {"rf18 5390 0754 7034", "", []string{"RF18539007547034"}},
		"in the text":       {"", "Invoice RF18 5390 0754 7034 thank you", []string{"RF18539007547034"}},
		"wrong check digit": {"", "RF19 5390 0754 7034", nil},
		"none":              {"", "invoice 2026-000012", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := ReferencesIn(c.reference, c.text)
			if c.want == nil && len(got) > 0 || c.want != nil && !slices.Contains(got, c.want[0]) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestSuggest(t *testing.T) {
	globex := uuid.New()
	numbered := Invoice{ID: uuid.New(), Organization: globex, Number: "2026-000012", Currency: "CHF", Open: amount("70")}
	same := Invoice{ID: uuid.New(), Organization: globex, Number: "2026-000013", Currency: "CHF", Open: amount("50.50")}
	theirs := Invoice{ID: uuid.New(), Organization: acme, Number: "2026-000014", Currency: "CHF", Open: amount("3")}
	euro := Invoice{ID: uuid.New(), Organization: acme, Number: "2026-000015", Currency: "EUR", Open: amount("50.50")}
	var got []string
	for _, s := range Suggest(amount("50.50"), "CHF", "inv. 2026- 000012", acme, []Invoice{numbered, same, theirs, euro}) {
		got = append(got, s.Invoice.Number+" "+s.Reason)
	}
	want := []string{"2026-000012 number", "2026-000014 payer", "2026-000013 amount"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestState(t *testing.T) {
	for want, b := range map[State]Balance{
		Open:          {Payable: amount("10"), DueOn: "2026-12-31"},
		PartlyPaid:    {Payable: amount("10"), Paid: amount("4"), DueOn: "2026-12-31"},
		Paid:          {Payable: amount("10"), Paid: amount("10"), DueOn: "2026-12-01"},
		Overdue:       {Payable: amount("10"), Paid: amount("4"), DueOn: "2026-12-30"},
		StateWriteOff: {Payable: amount("10"), Paid: amount("4"), WrittenOff: amount("6"), DueOn: "2026-12-01"},
		Credited:      {Payable: amount("10"), Credited: amount("10"), DueOn: "2026-12-01"},
	} {
		if got := b.State("2026-12-31"); got != want {
			t.Errorf("%+v is %s, want %s", b, got, want)
		}
	}
	if got := (Balance{Payable: amount("0")}).State("2026-12-31"); got != Paid {
		t.Errorf("an invoice of nothing is %s", got)
	}
}

// Whatever comes in, in whatever order: what is taken for invoices and kept as credit is
// what came in, no invoice is paid too much while it is known what for, and the sums are
// the same.
func TestTheOrderOfPaymentsChangesNoSum(t *testing.T) {
	type paid struct {
		amount  money.Amount
		invoice int
	}
	rapid.Check(t, func(r *rapid.T) {
		asked := rapid.SliceOfN(rapid.Int64Range(1, 300), 1, 5).Draw(r, "invoices")
		payments := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) paid {
			return paid{amount("0.05").Times(rapid.Int64Range(1, 400).Draw(r, "amount")), rapid.IntRange(0, len(asked)-1).Draw(r, "invoice")}
		}), 0, 8).Draw(r, "payments")
		run := func(order []int) (credit, owed money.Amount) {
			var invoices []Invoice
			for _, n := range asked {
				invoices = append(invoices, Invoice{ID: uuid.New(), Organization: acme, Currency: "CHF", Open: amount("0.05").Times(n)})
			}
			apply := func(moves []Move, from *money.Amount) {
				for _, m := range moves {
					*from = from.Sub(m.Amount)
					if m.Invoice == uuid.Nil {
						credit = credit.Add(m.Amount)
					}
					for i := range invoices {
						if invoices[i].ID == m.Invoice {
							invoices[i].Open = invoices[i].Open.Sub(m.Amount)
						}
					}
				}
			}
			for _, n := range order {
				rest := payments[n].amount
				moves, _ := Match(rest, "CHF", &invoices[payments[n].invoice])
				if apply(moves, &rest); !rest.IsZero() {
					r.Fatalf("%s of a payment is taken for nothing", rest)
				}
				apply(Settle(credit, invoices), &credit)
			}
			for _, i := range invoices {
				if i.Open.Cmp(money.Amount{}) < 0 {
					r.Fatalf("an invoice is paid %s too much", i.Open.Negative())
				}
				owed = owed.Add(i.Open)
			}
			return credit, owed
		}
		order := make([]int, len(payments))
		for i := range order {
			order[i] = i
		}
		credit, owed := run(order)
		otherCredit, otherOwed := run(rapid.Permutation(order).Draw(r, "order"))
		if credit.Cmp(otherCredit) != 0 || owed.Cmp(otherOwed) != 0 {
			r.Fatalf("credit %s and owed %s, in another order %s and %s", credit, owed, otherCredit, otherOwed)
		}
	})
}
