package ledger_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var at = time.Date(2026, 12, 4, 1, 0, 0, 0, time.UTC)

func amount(text string) money.Amount { return money.MustParse(text) }

// book is a record with an organization that has a ledger.
func book(t *testing.T) (*store.Store, uuid.UUID) {
	t.Helper()
	s, id := storetest.New(t), store.NewID()
	system(t, s, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, 'acme', $2, $2)`, id, at)
		return err
	})
	return s, id
}

func system(t *testing.T, s *store.Store, f func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := s.System(t.Context(), func(tx store.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

func invoice(organization uuid.UUID) ledger.Entry {
	return ledger.Entry{Organization: organization, Kind: ledger.KindInvoice, Reference: "2026-000012", On: "2026-12-04", Currency: "CHF", Postings: []ledger.Posting{
		{ledger.Receivable(organization), amount("16.17")},
		{ledger.Revenue("postgresql"), amount("-14.96")},
		{ledger.Account("vat:CH:S:8.10"), amount("-1.21")},
	}}
}

func TestPostedOnce(t *testing.T) {
	s, acme := book(t)
	for range 3 {
		system(t, s, func(ctx context.Context, tx store.Tx) error { return ledger.Post(ctx, tx, invoice(acme), at) })
	}
	system(t, s, func(ctx context.Context, tx store.Tx) error {
		owed, err := ledger.Balance(ctx, tx, ledger.Receivable(acme), "CHF")
		if err == nil && owed.String() != "16.17" {
			t.Errorf("acme owes %s", owed)
		}
		return err
	})
	for name, change := range map[string]func(*ledger.Entry){
		"another amount":   func(e *ledger.Entry) { e.Postings[0].Amount, e.Postings[1].Amount = amount("16.18"), amount("-14.97") },
		"another account":  func(e *ledger.Entry) { e.Postings[1].Account = ledger.Revenue("redis") },
		"another currency": func(e *ledger.Entry) { e.Currency = "EUR" },
	} {
		e := invoice(acme)
		change(&e)
		err := s.System(t.Context(), func(tx store.Tx) error { return ledger.Post(t.Context(), tx, e, at) })
		if !errors.Is(err, ledger.ErrOther) {
			t.Errorf("%s under the same reference: %v", name, err)
		}
	}
}

func TestUnbalanced(t *testing.T) {
	s, acme := book(t)
	e := invoice(acme)
	e.Postings[0].Amount = amount("16.16")
	if err := s.System(t.Context(), func(tx store.Tx) error { return ledger.Post(t.Context(), tx, e, at) }); !errors.Is(err, ledger.ErrUnbalanced) {
		t.Errorf("posted: %v", err)
	}
}

// The database holds the rules too, whoever writes.
func TestTheDatabaseHoldsTheRules(t *testing.T) {
	s, acme := book(t)
	system(t, s, func(ctx context.Context, tx store.Tx) error { return ledger.Post(ctx, tx, invoice(acme), at) })
	const entry = `INSERT INTO ledger_entries VALUES ('00000000-0000-0000-0000-000000000001', (SELECT id FROM organizations), 'payment', 'x', '2026-12-04', 'CHF', '2026-12-04');`
	const posting = `INSERT INTO ledger_postings SELECT '00000000-0000-0000-0000-000000000001', n, (SELECT id FROM organizations), 'bank', %AMOUNT% FROM generate_series(1, 2) n;`
	for sql, want := range map[string]string{
		entry: "0 postings",
		entry + strings.ReplaceAll(posting, "%AMOUNT%", "5"): "add up to 10",
		entry + strings.ReplaceAll(posting, "%AMOUNT%", "0"): "ledger_postings_amount_check",
		"UPDATE ledger_postings SET amount = amount + 1":     "permission denied",
		"DELETE FROM ledger_entries":                         "permission denied",
	} {
		err := s.System(t.Context(), func(tx store.Tx) error {
			for _, each := range strings.SplitAfter(sql, ";") {
				if strings.TrimSpace(each) == "" {
					continue
				}
				if _, err := tx.Exec(t.Context(), each); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", sql, err, want)
		}
	}
}

// Whatever is posted, however often, debits equal credits.
func TestTrialBalance(t *testing.T) {
	s, acme := book(t)
	accounts := []ledger.Account{ledger.Receivable(acme), ledger.Revenue("redis"), ledger.Bank("CH93"), ledger.Unmatched}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		e := ledger.Entry{Organization: acme, Kind: ledger.KindAllocation, On: "2026-12-04", Currency: rapid.SampledFrom([]string{"CHF", "EUR"}).Draw(r, "currency")}
		n++
		e.Reference = rapid.StringMatching(`[a-z]{8}`).Draw(r, "reference") + string(rune('a'+n%26))
		var sum money.Amount
		for range rapid.IntRange(1, 5).Draw(r, "postings") {
			p := ledger.Posting{Account: rapid.SampledFrom(accounts).Draw(r, "account"), Amount: amount("0.01").Times(rapid.Int64Range(-1000, 1000).Draw(r, "amount"))}
			e.Postings, sum = append(e.Postings, p), sum.Add(p.Amount)
		}
		e.Postings = append(e.Postings, ledger.Posting{Account: ledger.BadDebt, Amount: sum.Negative()})
		err := s.System(t.Context(), func(tx store.Tx) error { return ledger.Post(t.Context(), tx, e, at) })
		if err != nil && !errors.Is(err, ledger.ErrOther) {
			r.Fatal(err)
		}
		err = s.System(t.Context(), func(tx store.Tx) error {
			sums, err := ledger.TrialBalance(t.Context(), tx, at)
			left := map[string]money.Amount{}
			for _, s := range sums {
				left[s.Currency] = left[s.Currency].Add(s.Debit).Sub(s.Credit)
			}
			for currency, rest := range left {
				if !rest.IsZero() {
					r.Fatalf("%s %s is left over", currency, rest)
				}
			}
			return err
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}
