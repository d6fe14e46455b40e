// Package ledger keeps double entries under all money: each entry's postings add up to
// nothing, and entries are never changed. The database holds both.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/internal/ledger/ledgerdb"
	"souk/internal/money"
	"souk/internal/store"
	"souk/internal/tax"
)

// Kind is what an entry was posted for.
type Kind string

// The kinds.
const (
	KindInvoice    Kind = "invoice"
	KindCreditNote Kind = "credit-note"
	KindPayment    Kind = "payment"
	KindRefund     Kind = "refund"
	KindAllocation Kind = "allocation" // money that had come in is taken for what it was for
	KindWriteOff   Kind = "write-off"
)

// Account is one of the ledger's.
type Account string

// The accounts that there is one of.
const (
	Unmatched Account = "unmatched" // money that came in, and nobody knows for what
	BadDebt   Account = "bad-debt"
)

// Receivable is what an organization owes.
func Receivable(organization uuid.UUID) Account {
	return Account("receivable:" + organization.String())
}

// Credit is what an organization has paid too much.
func Credit(organization uuid.UUID) Account { return Account("credit:" + organization.String()) }

// Bank is an account at a bank, by its IBAN.
func Bank(iban string) Account { return Account("bank:" + iban) }

// Revenue is what a service has brought in; "" stands for what is of no service.
func Revenue(service string) Account { return Account("revenue:" + service) }

// ServiceCredit is what a service has given back for not being as available as was
// promised.
func ServiceCredit(service string) Account { return Account("service-credit:" + service) }

// VAT is the tax of a country, category and rate that is owed.
func VAT(country string, t tax.Treatment) Account {
	return Account(fmt.Sprintf("vat:%s:%s:%s", country, t.Category, t.Percent))
}

// Posting is one side of an entry.
type Posting struct {
	Account Account
	Amount  money.Amount // a debit is positive, a credit negative
}

// Entry is what is posted at once.
type Entry struct {
	Organization uuid.UUID // whose business it is
	Kind         Kind
	Reference    string  // what it is posted for: of a kind once
	On           tax.Day // the day that it counts for, in the issuer's time zone
	Currency     string
	Postings     []Posting
}

// ErrOther says that another entry has been posted for the same.
var ErrOther = errors.New("ledger: another entry was posted for the same")

// ErrUnbalanced says that an entry's postings do not add up to nothing.
var ErrUnbalanced = errors.New("ledger: the entry does not balance")

// Post posts an entry, once: where the same was posted before it does nothing, and
// where something else was posted for the same reference it returns ErrOther. Postings
// of nothing are left out; an entry of nothing at all is not posted. at is when it is
// recorded.
func Post(ctx context.Context, tx store.Tx, e Entry, at time.Time) error {
	var sum money.Amount
	var accounts, amounts []string
	var lines []int32
	for _, p := range e.Postings {
		sum = sum.Add(p.Amount)
		if !p.Amount.IsZero() {
			accounts, amounts = append(accounts, string(p.Account)), append(amounts, p.Amount.String())
			lines = append(lines, int32(len(accounts)))
		}
	}
	if !sum.IsZero() {
		return fmt.Errorf("%w: %s %s adds up to %s", ErrUnbalanced, e.Kind, e.Reference, sum)
	}
	if len(accounts) == 0 {
		return nil
	}
	q, id := ledgerdb.New(tx), store.NewID()
	n, err := q.InsertEntry(ctx, ledgerdb.InsertEntryParams{ID: id, OrganizationID: e.Organization, Kind: string(e.Kind), Reference: e.Reference, PostedOn: e.On, Currency: e.Currency, RecordedAt: at})
	if err != nil {
		return err
	}
	if n == 0 {
		return same(ctx, q, e, accounts, amounts)
	}
	return q.InsertPostings(ctx, ledgerdb.InsertPostingsParams{EntryID: id, OrganizationID: e.Organization, Lines: lines, Accounts: accounts, Amounts: amounts})
}

// same compares with what was posted.
func same(ctx context.Context, q *ledgerdb.Queries, e Entry, accounts, amounts []string) error {
	was, err := q.Entry(ctx, ledgerdb.EntryParams{Kind: string(e.Kind), Reference: e.Reference})
	if err != nil {
		return err
	}
	postings, err := q.Postings(ctx, was.ID)
	if err != nil {
		return err
	}
	equal := was.OrganizationID == e.Organization && was.Currency == e.Currency && len(postings) == len(accounts)
	for i := 0; equal && i < len(postings); i++ {
		equal = postings[i].Account == accounts[i] && postings[i].Amount.String() == amounts[i]
	}
	if !equal {
		return fmt.Errorf("%w: %s %s", ErrOther, e.Kind, e.Reference)
	}
	return nil
}

// Balance returns what is on an account: positive where it is owed to the issuer.
func Balance(ctx context.Context, tx store.Tx, account Account, currency string) (money.Amount, error) {
	return ledgerdb.New(tx).Balance(ctx, ledgerdb.BalanceParams{Account: string(account), Currency: currency})
}

// Sum is what was posted to an account.
type Sum struct {
	Currency      string
	Account       Account
	Debit, Credit money.Amount
}

// TrialBalance returns the sums of all accounts as recorded by the watermark: of each
// currency debits equal credits.
func TrialBalance(ctx context.Context, tx store.Tx, watermark time.Time) ([]Sum, error) {
	rows, err := ledgerdb.New(tx).TrialBalance(ctx, watermark)
	sums := make([]Sum, len(rows))
	for i, r := range rows {
		sums[i] = Sum{r.Currency, Account(r.Account), r.Debit, r.Credit}
	}
	return sums, err
}
