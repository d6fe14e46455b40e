// Package reconcile holds the books against each other, every hour: chains, what was
// rated of them, invoices and the ledger. And it rates closed months again, to prove
// that they come to the same bytes.
package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/invoice"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/reconcile/reconciledb"
	"souk/internal/store"
)

const (
	// mostProblems is how many differences of a check are named.
	mostProblems = 20
	// issuedWithin is of how far back the lines of invoices are added up again each
	// time; what was issued before cannot be changed, and was added up then.
	issuedWithin = 62 * 24 * time.Hour
	// late is after how long a month that could be closed has to be.
	late = 2 * time.Hour
)

// found is what a check comes to.
type found struct{ api.ReconciliationCheck }

func (f *found) wrong(format string, args ...any) {
	f.Differs++
	if len(f.Problems) < mostProblems {
		f.Problems = append(f.Problems, fmt.Sprintf(format, args...))
	}
}

// checks are all that has to hold of the books, in the order in which they are shown.
var checks = []struct {
	name string
	look func(ctx context.Context, tx store.Tx, now time.Time, f *found) error
}{
	{"chains", chains}, {"lines", lines}, {"ledger", posted}, {"balance", balance}, {"closed", closed}, {"finished", finished},
}

// Look compares all of the books as they are at one moment. It writes nothing.
func Look(ctx context.Context, st *store.Store, now time.Time) (out []api.ReconciliationCheck, err error) {
	err = st.Tenant(ctx, store.Scope{Reader: "operator", Snapshot: true}, func(tx store.Tx) error {
		out = nil
		for _, c := range checks {
			f := &found{api.ReconciliationCheck{Name: c.name, Problems: []string{}}}
			if err := c.look(ctx, tx, now, f); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			out = append(out, f.ReconciliationCheck)
		}
		return nil
	})
	return out, err
}

// chains are contiguous, and what commands, facts and backups say.
func chains(ctx context.Context, tx store.Tx, now time.Time, f *found) error {
	report, err := billing.Audit(ctx, tx, now)
	f.Looked = report.Segments + report.BackupSegments
	for _, d := range report.Differences {
		f.wrong("%s/%s (%s): %s", d.Organization, d.Instance, d.ID, d.Problem)
	}
	return err
}

// document is what is read of an invoice to add it up.
type document struct {
	Period json.RawMessage `json:"period"`
	Lines  []struct {
		Item    string          `json:"item"`
		Period  json.RawMessage `json:"period"`
		Net     money.Amount    `json:"net"`
		Adjusts json.RawMessage `json:"adjusts"`
	} `json:"lines"`
	Totals struct {
		Net money.Amount `json:"net"`
	} `json:"totals"`
}

// lines of invoices are what was rated, and add up to their totals.
func lines(ctx context.Context, tx store.Tx, now time.Time, f *found) error {
	q := reconciledb.New(tx)
	for after := uuid.Nil; ; {
		page, err := q.InvoicesAfter(ctx, reconciledb.InvoicesAfterParams{Since: now.Add(-issuedWithin), After: after})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, i := range page {
			after = i.ID
			f.Looked++
			addUp(i, f)
		}
	}
}

// addUp compares one document with what it was made from. The charges of its month are
// the lines of its own period that adjust nothing and are no credit.
func addUp(i reconciledb.InvoicesAfterRow, f *found) {
	var d document
	var rated []struct {
		Amount money.Amount `json:"amount"`
	}
	if err := json.Unmarshal(i.Document, &d); err != nil {
		f.wrong("%s of %s cannot be read: %v", i.Number, i.Organization, err)
		return
	}
	var all, charged, charges money.Amount
	for _, l := range d.Lines {
		all = all.Add(l.Net)
		if len(l.Adjusts) == 0 && string(l.Period) == string(d.Period) && l.Item != invoice.ItemServiceCredit {
			charged = charged.Add(l.Net)
		}
	}
	if all.Cmp(d.Totals.Net) != 0 || all.Cmp(i.Net) != 0 {
		f.wrong("%s of %s: its lines add up to %s, its total is %s, and %s is on record", i.Number, i.Organization, all, d.Totals.Net, i.Net)
	}
	if i.Kind != "invoice" {
		return
	}
	if err := json.Unmarshal(i.Rated, &rated); err != nil {
		f.wrong("%s of %s: what was rated cannot be read: %v", i.Number, i.Organization, err)
		return
	}
	for _, r := range rated {
		charges = charges.Add(r.Amount)
	}
	if charges.Cmp(charged) != 0 {
		f.wrong("%s of %s: %s was rated, and %s is invoiced", i.Number, i.Organization, charges, charged)
	}
}

// posted: each document is in the ledger as it is, and nothing else is.
func posted(ctx context.Context, tx store.Tx, _ time.Time, f *found) (err error) {
	q := reconciledb.New(tx)
	if f.Looked, err = q.CountIssued(ctx); err != nil {
		return err
	}
	rows, err := q.NotAsPosted(ctx)
	for _, r := range rows {
		f.wrong("%s %s of %s: gross %s, posted %s; net %s, posted %s; tax %s, posted %s", r.Kind, r.Number, r.Organization, r.Gross, r.Owed, r.Net, r.Revenue, r.Tax, r.Vat)
	}
	return err
}

// balance: of each currency debits equal credits.
func balance(ctx context.Context, tx store.Tx, now time.Time, f *found) error {
	sums, err := ledger.TrialBalance(ctx, tx, now)
	of := map[string]money.Amount{}
	for _, s := range sums {
		f.Looked++
		of[s.Currency] = of[s.Currency].Add(s.Debit).Sub(s.Credit)
	}
	for currency, left := range of {
		if !left.IsZero() {
			f.wrong("the ledger in %s is off by %s", currency, left)
		}
	}
	return err
}

// closed: no month in which an organization had something that is billed was forgotten.
func closed(ctx context.Context, tx store.Tx, now time.Time, f *found) error {
	rows, err := reconciledb.New(tx).MonthsOver(ctx, reconciledb.MonthsOverParams{At: now, Late: now.Add(-late)})
	for _, r := range rows {
		f.Looked++
		if !r.Closed {
			f.wrong("%s has something to pay for %s, and nobody has begun to close that month", r.Organization, r.Month)
		}
	}
	return err
}

// finished: what closes has ended, or says what is lacking for it.
func finished(ctx context.Context, tx store.Tx, now time.Time, f *found) error {
	rows, err := reconciledb.New(tx).Unfinished(ctx, now.Add(-late))
	f.Looked = int64(len(rows))
	for _, r := range rows {
		f.wrong("%s of %s got as far as %q: %s", r.Month, r.Organization, r.State, r.Error)
	}
	return err
}
