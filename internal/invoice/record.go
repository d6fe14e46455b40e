package invoice

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/invoice/invoicedb"
	"souk/internal/ledger"
	"souk/internal/money"
	"souk/internal/qrbill"
	"souk/internal/store"
	"souk/internal/tax"
)

// Issue is what an invoice or credit note is issued from.
type Issue struct {
	Organization, Issuer uuid.UUID
	Run                  uuid.UUID // that an invoice comes from; uuid.Nil: a credit note
	Corrects             uuid.UUID // the invoice that a credit note corrects; uuid.Nil: an invoice
	Month                string    // "2026-11"
	Language             string
	Zone                 *time.Location // of the issuer
	PaymentDays          int            // until an invoice is due
	Watermark            time.Time
	Rated                []byte // the charges that it was made from, in canonical form
	MadeBy, Reason       string // of a credit note
	// Document is complete but for its number, its days and its reference.
	Document Document
}

// Record gives a document its number, its days and its reference, and records it with
// its entry in the ledger, in the caller's transaction. Until that ends, no other
// document of the issuer gets a number: keep it short. The numbers of an issuer's year
// have no gaps; what is rolled back has used none. It fails on a document that breaks the
// rules of EN 16931, and where the run has its invoice already.
func Record(ctx context.Context, tx store.Tx, i Issue, at time.Time) (uuid.UUID, Document, error) {
	d, q := i.Document, invoicedb.New(tx)
	today := at.In(i.Zone)
	d.Issued = today.Format(time.DateOnly)
	if d.Kind == KindInvoice {
		d.Due = today.AddDate(0, 0, i.PaymentDays).Format(time.DateOnly)
	}
	n, err := q.NextNumber(ctx, invoicedb.NextNumberParams{IssuerID: i.Issuer, Year: int32(today.Year())})
	if err != nil {
		return uuid.Nil, d, err
	}
	d.Number = fmt.Sprintf("%04d-%06d", today.Year(), n)
	if d.Reference, err = qrbill.CreditorReference(strings.ReplaceAll(d.Number, "-", "")); err != nil {
		return uuid.Nil, d, err
	}
	if broken := d.Check(); len(broken) > 0 {
		return uuid.Nil, d, broken[0]
	}
	content, err := json.Marshal(d)
	if err != nil {
		return uuid.Nil, d, err
	}
	id := store.NewID()
	if err := q.InsertInvoice(ctx, i.row(id, d, content, at)); err != nil {
		return uuid.Nil, d, err
	}
	if err := recordCredits(ctx, q, i.Organization, id, &d, at); err != nil {
		return uuid.Nil, d, err
	}
	return id, d, ledger.Post(ctx, tx, d.entry(i.Organization), at)
}

func (i Issue) row(id uuid.UUID, d Document, content []byte, at time.Time) invoicedb.InsertInvoiceParams {
	p := invoicedb.InsertInvoiceParams{ID: id, OrganizationID: i.Organization, IssuerID: i.Issuer, Kind: string(d.Kind), Number: d.Number, Month: i.Month, IssuedOn: d.Issued, DueOn: d.Due,
		Currency: d.Currency, Net: d.Totals.Net.String(), Tax: d.Totals.Tax.String(), Gross: d.Totals.Gross.String(), Payable: d.owed().String(), Reference: d.Reference,
		Language: i.Language, Watermark: i.Watermark, Rules: d.Rules, Rated: i.Rated, Document: content, MadeBy: i.MadeBy, Reason: i.Reason, RecordedAt: at}
	if i.Rated == nil {
		p.Rated = []byte{}
	}
	if i.Run != uuid.Nil {
		p.RunID = &i.Run
	}
	if i.Corrects != uuid.Nil {
		p.Corrects = &i.Corrects
	}
	return p
}

// owed is what is left to be paid; below zero it is what becomes the customer's credit
// balance, as if too much had been paid.
func (d *Document) owed() money.Amount {
	if d.Totals.Gross.Cmp(d.Totals.Payable) < 0 {
		return d.Totals.Gross
	}
	return d.Totals.Payable
}

// entry is what the document changes in the ledger: an invoice is owed, and a credit
// note is the other way round.
func (d *Document) entry(organization uuid.UUID) ledger.Entry {
	e := ledger.Entry{Organization: organization, Kind: ledger.KindInvoice, Reference: d.Number, On: d.Issued, Currency: d.Currency}
	owed := func(a money.Amount) money.Amount { return a }
	if d.Kind == KindCreditNote {
		e.Kind, owed = ledger.KindCreditNote, money.Amount.Negative
	}
	e.Postings = append(e.Postings, ledger.Posting{Account: ledger.Receivable(organization), Amount: owed(d.Totals.Gross)})
	nets := map[ledger.Account]money.Amount{}
	for _, l := range d.Lines {
		account := ledger.Revenue(l.Service)
		if l.Item == ItemServiceCredit {
			account = ledger.ServiceCredit(l.Service)
		}
		nets[account] = nets[account].Add(l.Net)
	}
	for _, account := range slices.Sorted(maps.Keys(nets)) {
		e.Postings = append(e.Postings, ledger.Posting{Account: account, Amount: owed(nets[account].Negative())})
	}
	for _, t := range d.Taxes {
		account := ledger.VAT(d.Issuer.Country, tax.Treatment{Category: t.Category, Percent: t.Percent})
		e.Postings = append(e.Postings, ledger.Posting{Account: account, Amount: owed(t.Tax.Negative())})
	}
	return e
}
