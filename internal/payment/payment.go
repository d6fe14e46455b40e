// Package payment takes in what customers pay: it reads the bank's files, takes each
// payment for the invoice whose reference it carries, reminds of what is overdue, and
// writes off what is not paid at all. Every movement is an entry of the ledger, in the
// same transaction.
package payment

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/camt"
	"souk/internal/clock"
	"souk/internal/instance"
	"souk/internal/ledger"
	"souk/internal/mail"
	"souk/internal/money"
	"souk/internal/payment/paymentdb"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tax"
)

// Service keeps payments.
type Service struct {
	Clock     clock.Clock
	Mail      *mail.Outbox      // nil: nobody is reminded
	Instances *instance.Service // that are suspended; nil where nobody is reminded
}

// Souk is who takes payments by their reference.
const Souk = "souk"

// desk is a transaction in which money is moved. There is one at a time.
type desk struct {
	tx       store.Tx
	q        *paymentdb.Queries
	issuer   paymentdb.IssuerRow
	operator uuid.UUID // the operator's organization
	by       string
	now      time.Time
	today    tax.Day
	touched  map[uuid.UUID]bool // organizations whose money moved
	anew     map[uuid.UUID]bool // those of whom the bank took a payment back
}

// open begins to move money in a transaction.
func (s *Service) open(ctx context.Context, tx store.Tx, by string) (*desk, error) {
	if err := paymentdb.New(tx).Lock(ctx); err != nil {
		return nil, err
	}
	d, err := s.look(ctx, tx)
	if err != nil {
		return nil, err
	}
	d.by = by
	d.operator, err = d.q.OperatorOrganization(ctx)
	return d, err
}

// look is open for what only reads.
func (s *Service) look(ctx context.Context, tx store.Tx) (*desk, error) {
	d := &desk{tx: tx, q: paymentdb.New(tx), now: s.Clock.Now().UTC(), touched: map[uuid.UUID]bool{}, anew: map[uuid.UUID]bool{}}
	var err error
	d.issuer, err = d.q.Issuer(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, problem.Conflict("no-issuer", "Who issues invoices is not set up yet: souk billing issuer.")
	}
	if err != nil {
		return nil, err
	}
	d.today, err = dayIn(d.issuer.TimeZone, d.now)
	return d, err
}

// dayIn returns the day that it is in a time zone.
func dayIn(zone string, now time.Time) (tax.Day, error) {
	location, err := time.LoadLocation(zone)
	return now.In(location).Format(time.DateOnly), err
}

// Today is the day that it is for the issuer; in UTC where there is none.
func (s *Service) Today(ctx context.Context, tx store.Tx) (tax.Day, error) {
	issuer, err := paymentdb.New(tx).Issuer(ctx)
	if errors.Is(err, pgx.ErrNoRows) {
		issuer.TimeZone, err = "UTC", nil
	}
	if err != nil {
		return "", err
	}
	return dayIn(issuer.TimeZone, s.Clock.Now())
}

// States says how invoices of an organization, or of any with nil, stand, by their numbers.
// A credit note that corrects an invoice counts for that one, and is left out itself.
func (s *Service) States(ctx context.Context, tx store.Tx, organization *uuid.UUID, numbers []string) (map[string]api.InvoicePayment, error) {
	today, err := s.Today(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := paymentdb.New(tx).Balances(ctx, paymentdb.BalancesParams{Organization: organization, Numbers: numbers})
	states := map[string]api.InvoicePayment{}
	for _, r := range rows {
		b := Balance{r.Payable, r.Paid, r.Credited, r.WrittenOff, r.DueOn}
		states[r.Number] = b.doc(today)
	}
	return states, err
}

func (b Balance) doc(today tax.Day) api.InvoicePayment {
	out := api.InvoicePayment{State: string(b.State(today)), Open: b.Open().Fixed(2), Paid: b.Paid.Fixed(2)}
	if b.Open().Cmp(money.Amount{}) < 0 {
		out.Open = money.Amount{}.Fixed(2)
	}
	if !b.Credited.IsZero() {
		out.Credited = b.Credited.Fixed(2)
	}
	if !b.WrittenOff.IsZero() {
		out.WrittenOff = b.WrittenOff.Fixed(2)
	}
	return out
}

// post posts an entry of the desk's day.
func (d *desk) post(ctx context.Context, organization uuid.UUID, kind ledger.Kind, reference, currency string, debit, credit ledger.Account, amount money.Amount) error {
	return ledger.Post(ctx, d.tx, ledger.Entry{Organization: organization, Kind: kind, Reference: reference, On: d.today, Currency: currency,
		Postings: []ledger.Posting{{Account: debit, Amount: amount}, {Account: credit, Amount: amount.Negative()}}}, d.now)
}

// allocation is money that is taken for something.
type allocation struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	TransactionID  *uuid.UUID // nil: from the organization's credit
	InvoiceID      *uuid.UUID // nil: kept as the organization's credit
	Amount         money.Amount
}

// take writes an allocation down, with its entry.
func (d *desk) take(ctx context.Context, a allocation, currency, reason string, undoes *uuid.UUID) error {
	from, to := ledger.Unmatched, ledger.Credit(a.OrganizationID)
	if a.TransactionID == nil {
		from = ledger.Credit(a.OrganizationID)
	}
	if a.InvoiceID != nil {
		to = ledger.Receivable(a.OrganizationID)
	}
	d.touched[a.OrganizationID] = true
	err := d.q.InsertAllocation(ctx, paymentdb.InsertAllocationParams{ID: a.ID, OrganizationID: a.OrganizationID, TransactionID: a.TransactionID, InvoiceID: a.InvoiceID,
		Amount: a.Amount, Currency: currency, Undoes: undoes, MadeBy: d.by, Reason: reason, RecordedAt: d.now})
	if err != nil {
		return err
	}
	return d.post(ctx, a.OrganizationID, ledger.KindAllocation, a.ID.String(), currency, from, to, a.Amount)
}

// undo takes an allocation back by its opposite.
func (d *desk) undo(ctx context.Context, a allocation, currency, reason string) error {
	undone := a.ID
	a.ID, a.Amount = store.NewID(), a.Amount.Negative()
	return d.take(ctx, a, currency, reason, &undone)
}

// takeMoves takes a transaction's money for what it was matched with.
func (d *desk) takeMoves(ctx context.Context, transaction uuid.UUID, currency string, moves []Move) error {
	for _, m := range moves {
		a := allocation{ID: store.NewID(), OrganizationID: m.Organization, TransactionID: &transaction, Amount: m.Amount}
		if m.Invoice != uuid.Nil {
			a.InvoiceID = &m.Invoice
		}
		if err := d.take(ctx, a, currency, "", nil); err != nil {
			return err
		}
	}
	return nil
}

// settle takes the credit of organizations for what they have open: of those whose money
// has moved.
func (d *desk) settle(ctx context.Context) error {
	by := d.by
	defer func() { d.by = by }()
	d.by = Souk
	for organization := range d.anew {
		if err := d.decideAnew(ctx, organization); err != nil {
			return err
		}
	}
	for organization := range d.touched {
		if err := d.settleOne(ctx, organization); err != nil {
			return err
		}
	}
	return nil
}

func (d *desk) settleOne(ctx context.Context, organization uuid.UUID) error {
	if err := d.cover(ctx, organization); err != nil {
		return err
	}
	if err := d.recover(ctx, organization); err != nil {
		return err
	}
	rows, err := d.q.Unsettled(ctx, organization)
	if err != nil {
		return err
	}
	credits, err := d.credits(ctx, organization)
	if err != nil {
		return err
	}
	open := map[string][]Invoice{}
	for _, r := range rows {
		open[r.Currency] = append(open[r.Currency], Invoice{ID: r.InvoiceID, Organization: r.OrganizationID, Open: r.Open})
	}
	for currency, invoices := range open {
		for _, m := range Settle(credits[currency], invoices) {
			if err := d.take(ctx, allocation{ID: store.NewID(), OrganizationID: organization, InvoiceID: &m.Invoice, Amount: m.Amount}, currency, "", nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// decideAnew takes back what an organization's credit was taken for, and takes what is
// kept of its payments for the invoices that they were made for, as these may be open
// again. So it makes no difference whether a payment that the bank takes back had come
// before the others or after them.
func (d *desk) decideAnew(ctx context.Context, organization uuid.UUID) error {
	const reason = "decided anew, as the bank took a payment back"
	used, err := d.q.UsedCredit(ctx, organization)
	if err != nil {
		return err
	}
	for _, u := range used {
		if err := d.undo(ctx, allocation{u.ID, u.OrganizationID, u.TransactionID, u.InvoiceID, u.Amount}, u.Currency, reason); err != nil {
			return err
		}
	}
	kept, err := d.q.KeptCredit(ctx, paymentdb.KeptCreditParams{OrganizationID: organization, By: Souk})
	if err != nil {
		return err
	}
	for _, k := range kept {
		moves, _, err := d.find(ctx, arrival{Payment: camt.Payment{Amount: k.Amount, Currency: k.Currency, Reference: k.Reference, Text: k.Message}})
		if err != nil {
			return err
		}
		if len(moves) == 0 || moves[0].Invoice == uuid.Nil || moves[0].Organization != organization {
			continue
		}
		if err := d.undo(ctx, allocation{k.ID, k.OrganizationID, k.TransactionID, k.InvoiceID, k.Amount}, k.Currency, reason); err != nil {
			return err
		}
		if err := d.takeMoves(ctx, *k.TransactionID, k.Currency, moves); err != nil {
			return err
		}
	}
	return nil
}

// cover takes back what credit was taken for that is not there any more.
func (d *desk) cover(ctx context.Context, organization uuid.UUID) error {
	credits, err := d.credits(ctx, organization)
	if err != nil {
		return err
	}
	for currency, credit := range credits {
		if credit.Cmp(money.Amount{}) >= 0 {
			continue
		}
		used, err := d.q.FromCredit(ctx, paymentdb.FromCreditParams{OrganizationID: organization, Currency: currency})
		if err != nil {
			return err
		}
		for _, u := range used {
			if credit.Cmp(money.Amount{}) >= 0 {
				break
			}
			if err := d.undo(ctx, allocation(u), currency, "the money that it came from is not there any more"); err != nil {
				return err
			}
			credit = credit.Add(u.Amount)
		}
	}
	return nil
}

func (d *desk) credits(ctx context.Context, organization uuid.UUID) (map[string]money.Amount, error) {
	rows, err := d.q.Credits(ctx, organization)
	credits := map[string]money.Amount{}
	for _, r := range rows {
		credits[r.Currency] = r.Amount
	}
	return credits, err
}

// SettleDue takes the credit of one organization for what it has open since, and says
// whether there was one. Several control planes may do so at once.
func (s *Service) SettleDue(ctx context.Context, st *store.Store) (done bool, err error) {
	err = st.System(ctx, func(tx store.Tx) error {
		done = false
		q := paymentdb.New(tx)
		due, err := q.ToSettle(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		d, err := s.open(ctx, tx, Souk)
		if err != nil {
			return err
		}
		done = true
		return d.settleOne(ctx, due[0])
	})
	return done, err
}
