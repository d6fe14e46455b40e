package invoice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/internal/ledger"
	"souk/internal/store"
	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// december is when documents are recorded in tests.
var december = time.Date(2026, 12, 4, 1, 0, 0, 0, time.UTC)

// book is a record with an issuer and the organization acme.
type book struct {
	*store.Store
	issuer, acme uuid.UUID
	zone         *time.Location
}

func newBook(t testing.TB) *book {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	b := &book{storetest.New(t), store.NewID(), store.NewID(), zone}
	b.exec(t, `INSERT INTO issuers (id, name, postal_code, town, country, vat_id, iban, currency, time_zone, payment_days, grace_hours, first_month, created_at, updated_at)
		VALUES ($1, 'Souk AG', '8001', 'Zürich', 'CH', 'CHE-109.322.551 MWST', 'CH9300762011623852957', 'CHF', 'Europe/Zurich', 30, 24, '2026-11', $2, $2)`, b.issuer, december)
	b.exec(t, `INSERT INTO organizations (id, name, created_at, updated_at) VALUES ($1, 'acme', $2, $2)`, b.acme, december)
	return b
}

func (b *book) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if err := b.System(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), sql, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// run makes a run that an invoice can come from.
func (b *book) run(t testing.TB, month string) uuid.UUID {
	t.Helper()
	from, err := time.ParseInLocation("2006-01", month, b.zone)
	if err != nil {
		t.Fatal(err)
	}
	id := store.NewID()
	b.exec(t, `INSERT INTO invoice_runs (id, organization_id, month, from_at, to_at, time_zone, state, watermark, rules, next_at, frozen_at)
		VALUES ($1, $2, $3, $4, $5, 'Europe/Zurich', 'rated', $6, '1', $6, $6)`, id, b.acme, month, from, from.AddDate(0, 1, 0), december)
	return id
}

func (b *book) issue(t testing.TB, month string) Issue {
	return Issue{Organization: b.acme, Issuer: b.issuer, Run: b.run(t, month), Month: month, Language: "en", Zone: b.zone, PaymentDays: 30, Watermark: december, Rated: []byte("[]"), Document: *swiss(t)}
}

func (b *book) record(ctx context.Context, i Issue, at time.Time) (d Document, err error) {
	err = b.System(ctx, func(tx store.Tx) error {
		_, d, err = Record(ctx, tx, i, at)
		return err
	})
	return d, err
}

func (b *book) numbers(t testing.TB) (list []string) {
	t.Helper()
	if err := b.System(t.Context(), func(tx store.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT number FROM invoices ORDER BY number`)
		if err != nil {
			return err
		}
		for list = nil; rows.Next(); {
			var n string
			if err := rows.Scan(&n); err != nil {
				return err
			}
			list = append(list, n)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// A recorded invoice has its number, days and reference, and its entry in the ledger.
func TestRecord(t *testing.T) {
	b := newBook(t)
	d, err := b.record(t.Context(), b.issue(t, "2026-11"), december)
	if err != nil {
		t.Fatal(err)
	}
	if d.Number != "2026-000001" || d.Issued != "2026-12-04" || d.Due != "2027-01-03" || d.Reference != "RF422026000001" {
		t.Errorf("number %s, issued %s, due %s, reference %s", d.Number, d.Issued, d.Due, d.Reference)
	}
	note := Issue{Organization: b.acme, Issuer: b.issuer, Month: "2026-11", Language: "en", Zone: b.zone, Watermark: december, MadeBy: "ann", Reason: "an outage", Document: *swiss(t)}
	note.Document.Kind, note.Document.Corrects = KindCreditNote, &Reference{d.Number, d.Issued}
	if err := b.System(t.Context(), func(tx store.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT id FROM invoices WHERE number = $1`, d.Number).Scan(&note.Corrects)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.record(t.Context(), note, december.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	if got := b.numbers(t); fmt.Sprint(got) != "[2026-000001 2027-000001]" {
		t.Errorf("numbers %v", got)
	}
	var owed, sums []string
	if err := b.System(t.Context(), func(tx store.Tx) error {
		list, err := ledger.TrialBalance(t.Context(), tx, december.AddDate(1, 0, 0))
		for _, s := range list {
			sums = append(sums, fmt.Sprintf("%s %s/%s", strings.Replace(string(s.Account), b.acme.String(), "acme", 1), s.Debit, s.Credit))
		}
		balance, err2 := ledger.Balance(t.Context(), tx, ledger.Receivable(b.acme), "CHF")
		owed = append(owed, balance.String())
		return errors.Join(err, err2)
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(sums)
	want := []string{"receivable:acme 16.17/16.17", "revenue: 1.44/1.44", "revenue:postgresql 16.40/16.40", "vat:CH:S:8.10 1.21/1.21"}
	if !slices.Equal(sums, want) || owed[0] != "0.00" {
		t.Errorf("the ledger has %v, and acme owes %v", sums, owed)
	}
}

// Numbers have no gap, whoever else records at the same time and whatever is rolled back.
func TestNumbersHaveNoGaps(t *testing.T) {
	b := newBook(t)
	var issues []Issue
	for n := range 8 {
		issues = append(issues, b.issue(t, fmt.Sprintf("2026-%02d", n+1)))
	}
	var all sync.WaitGroup
	for n, i := range issues {
		all.Go(func() {
			if n%4 == 3 {
				i.Document.Lines = nil // breaks the norm: rolled back
			}
			var broken Rule
			if _, err := b.record(t.Context(), i, december); (n%4 == 3) != errors.As(err, &broken) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	want := []string{"2026-000001", "2026-000002", "2026-000003", "2026-000004", "2026-000005", "2026-000006"}
	if got := b.numbers(t); !slices.Equal(got, want) {
		t.Errorf("numbers %v", got)
	}
	if _, err := b.record(t.Context(), issues[0], december); store.ErrorCode(err) != "23505" {
		t.Errorf("a second invoice of a run: %v", err)
	}
	if d, err := b.record(t.Context(), issues[3], december); err != nil || d.Number != "2026-000007" {
		t.Errorf("the next is %s, %v", d.Number, err)
	}
}

// What was issued is changed by nobody: the database refuses it, whoever asks.
func TestIssuedIsNotChanged(t *testing.T) {
	b := newBook(t)
	if _, err := b.record(t.Context(), b.issue(t, "2026-11"), december); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `INSERT INTO invoice_files (invoice_id, organization_id, format, content, sha256, recorded_at) SELECT id, organization_id, 'pdf', 'x', 'y', recorded_at FROM invoices`)
	for _, sql := range []string{
		"UPDATE invoices SET gross = 1, net = 1, tax = 0", "UPDATE invoices SET document = ''", "DELETE FROM invoices", "UPDATE invoice_files SET content = ''", "DELETE FROM invoice_files",
		"UPDATE invoice_numbers SET last = last + 2", "UPDATE invoice_numbers SET last = last - 1", "DELETE FROM invoice_numbers", "TRUNCATE invoices CASCADE",
	} {
		err := b.System(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		if code := store.ErrorCode(err); code != "42501" && code != "23001" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// An organization sees its own invoices only.
func TestInvoicesOfOthersAreNotSeen(t *testing.T) {
	b := newBook(t)
	if _, err := b.record(t.Context(), b.issue(t, "2026-11"), december); err != nil {
		t.Fatal(err)
	}
	for organization, want := range map[uuid.UUID]int{b.acme: 1, store.NewID(): 0} {
		if err := b.Tenant(t.Context(), store.Scope{Organizations: []uuid.UUID{organization}}, func(tx store.Tx) error {
			var n, runs int
			err := tx.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM invoices), (SELECT count(*) FROM invoice_runs)`).Scan(&n, &runs)
			if n != want || runs != want {
				t.Errorf("%d invoices and %d runs, not %d", n, runs, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
