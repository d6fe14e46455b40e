package invoice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account"
	"souk/internal/billing"
	"souk/internal/compare"
	"souk/internal/costs"
	"souk/internal/invoice/invoicedb"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/store"
)

// List lists an organization's invoices and credit notes below a number, newest first;
// "" begins with the newest.
func List(ctx context.Context, tx store.Tx, organization uuid.UUID, before string, limit int) ([]api.Invoice, error) {
	q := invoicedb.New(tx)
	ids, err := q.InvoicesOf(ctx, invoicedb.InvoicesOfParams{OrganizationID: organization, Before: before, Limit: int32(limit)})
	if err != nil {
		return nil, err
	}
	rows, err := q.Invoices(ctx, ids)
	list := make([]api.Invoice, len(rows))
	for i, r := range rows {
		list[i] = listed(r)
	}
	return list, err
}

// Search is what is looked for among the invoices of all organizations; what is empty is
// not looked at.
type Search struct {
	Organization, Month, Kind string
	State                     string // of payment, on the day Today
	Part                      string // of the number
	Today                     Day
	Before                    string // the number below which it goes on
	Limit                     int
}

// Find lists invoices and credit notes of all organizations, newest first.
func Find(ctx context.Context, tx store.Tx, s Search) ([]api.OperatorInvoice, error) {
	q := invoicedb.New(tx)
	p := invoicedb.FindInvoicesParams{Before: s.Before, Part: s.Part, Month: s.Month, Kind: s.Kind, State: s.State, Today: s.Today, Most: int32(s.Limit)}
	if s.Organization != "" {
		o, err := organizationNamed(ctx, q, "query.organization", s.Organization)
		if err != nil {
			return nil, err
		}
		p.Organization = &o
	}
	ids, err := q.FindInvoices(ctx, p)
	if err != nil {
		return nil, err
	}
	rows, err := q.Invoices(ctx, ids)
	list := make([]api.OperatorInvoice, len(rows))
	for i, r := range rows {
		list[i] = api.OperatorInvoice{Organization: r.Organization, Invoice: listed(r)}
	}
	return list, err
}

// Get returns an invoice or credit note of an organization.
func Get(ctx context.Context, tx store.Tx, organization uuid.UUID, number string) (api.InvoiceDetail, error) {
	row, d, err := numbered(ctx, tx, &organization, number)
	if err != nil {
		return api.InvoiceDetail{}, err
	}
	return detailed(d, listed(row), row.Watermark, row.Rules), nil
}

// GetAny returns an invoice or credit note of whatever organization, with what is left of
// its lines.
func GetAny(ctx context.Context, tx store.Tx, number string) (api.OperatorInvoiceDetail, error) {
	row, d, err := numbered(ctx, tx, nil, number)
	if err != nil {
		return api.OperatorInvoiceDetail{}, err
	}
	out := api.OperatorInvoiceDetail{Organization: row.Organization, InvoiceDetail: detailed(d, listed(row), row.Watermark, row.Rules)}
	if d.Kind != KindInvoice {
		return out, nil
	}
	left, err := leftOf(ctx, invoicedb.New(tx), row.ID, d)
	for _, l := range d.Lines {
		out.Left = append(out.Left, api.CreditNoteLine{Line: l.ID, Amount: d.shown(left[l.ID])})
	}
	return out, err
}

// numbered reads an invoice of an organization, or of any with nil.
func numbered(ctx context.Context, tx store.Tx, organization *uuid.UUID, number string) (row invoicedb.InvoicesRow, d *Document, err error) {
	q := invoicedb.New(tx)
	id, err := q.InvoiceNumbered(ctx, invoicedb.InvoiceNumberedParams{Number: number, Organization: organization})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, nil, problem.NotFound("invoice", number)
	}
	if err != nil {
		return row, nil, err
	}
	rows, err := q.Invoices(ctx, []uuid.UUID{id})
	if err != nil {
		return row, nil, err
	}
	d = &Document{}
	return rows[0], d, json.Unmarshal(rows[0].Document, d)
}

func detailed(d *Document, i api.Invoice, watermark time.Time, rules string) api.InvoiceDetail {
	return api.InvoiceDetail{Invoice: i, From: d.Period.From, To: d.Period.To, Issuer: api.InvoiceParty(d.Issuer), Customer: api.InvoiceParty(d.Customer), IBAN: d.IBAN,
		Lines: d.shownLines(), Taxes: d.shownTaxes(), Watermark: watermark.UTC(), Rules: rules}
}

// File returns one of the forms of an invoice: PDF, UBL or JSON.
func File(ctx context.Context, tx store.Tx, organization uuid.UUID, number, format string) ([]byte, error) {
	f, err := invoicedb.New(tx).File(ctx, invoicedb.FileParams{OrganizationID: organization, Number: number, Format: format})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, problem.NotFound("invoice", number)
	}
	return f.Content, err
}

// Draft is what would be invoiced of a month of an organization as it is known now; ""
// is the month of now.
func (s *Service) Draft(ctx context.Context, tx store.Tx, organization uuid.UUID, period string) (api.InvoiceDraft, error) {
	d, c, until, err := s.draftOf(ctx, tx, organization, period)
	if err != nil {
		return api.InvoiceDraft{}, err
	}
	amount := d.document.shown
	out := api.InvoiceDraft{Month: c.Month.String(), From: d.document.Period.From, To: d.document.Period.To, Currency: d.document.Currency, Net: amount(d.document.Totals.Net), Tax: amount(d.document.Totals.Tax),
		Gross: amount(d.document.Totals.Gross), Lines: d.document.shownLines(), Taxes: d.document.shownTaxes(), Until: until, Lacking: d.lacking}
	gaps, err := billing.Gaps(ctx, tx, billing.Filter{Organization: organization}, c.Month, until, c.Watermark)
	if err != nil {
		return out, err
	}
	out.Gaps = costs.Gaps(gaps)
	if d.issuer.Name != "" {
		out.ClosesAt = c.Month.To.Add(time.Duration(d.issuer.GraceHours) * time.Hour)
	}
	return out, nil
}

// draftOf makes the draft of a month such as "2026-11", as it is known now.
func (s *Service) draftOf(ctx context.Context, tx store.Tx, organization uuid.UUID, period string) (d draft, c Closing, until time.Time, err error) {
	name, err := invoicedb.New(tx).Zone(ctx, organization)
	if err != nil {
		return d, c, until, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return d, c, until, err
	}
	now := s.Clock.Now().UTC()
	month := billing.MonthOf(now, zone)
	if period != "" {
		first, err := time.ParseInLocation("2006-01", period, zone)
		if err != nil {
			return d, c, until, problem.InvalidField("query.month", period, "Write a month as 2026-11.")
		}
		if first.After(now) {
			return d, c, until, problem.InvalidField("query.month", period, "This month has not begun yet.")
		}
		month = billing.MonthOf(first, zone)
	}
	issuer, has, err := account.CurrentIssuer(ctx, tx)
	if err != nil {
		return d, c, until, err
	}
	if !has {
		issuer.Country, issuer.Currency = "CH", "CHF"
	}
	c = Closing{Organization: organization, Month: month, Watermark: now}
	until = compare.Earlier(now, month.To)
	d, err = s.draft(ctx, tx, issuer, c, until)
	var refusal Refusal
	if errors.As(err, &refusal) {
		err = problem.Conflict("no-draft", "No invoice can be made of this month as it is: %s", refusal)
	}
	return d, c, until, err
}

func listed(r invoicedb.InvoicesRow) api.Invoice {
	digits := money.Digits(r.Currency)
	payable := r.Payable
	if payable.Cmp(money.Amount{}) < 0 {
		payable = money.Amount{} // it is credit now
	}
	out := api.Invoice{Number: r.Number, Kind: r.Kind, Month: r.Month, IssuedOn: r.IssuedOn, DueOn: r.DueOn, Currency: r.Currency, Net: r.Net.Fixed(digits), Tax: r.Tax.Fixed(digits), Gross: r.Gross.Fixed(digits),
		Payable: payable.Fixed(digits), Reference: r.Reference, Corrects: r.Corrects, Reason: r.Reason, CorrectedBy: r.CorrectedBy, Files: r.Files}
	if !r.Credited.IsZero() {
		out.Credited = r.Credited.Fixed(digits)
	}
	return out
}

func (d *Document) shown(a money.Amount) string { return a.Fixed(money.Digits(d.Currency)) }

func (d *Document) shownLines() []api.InvoiceLine {
	lines := make([]api.InvoiceLine, len(d.Lines))
	for i, l := range d.Lines {
		lines[i] = api.InvoiceLine{ID: l.ID, Key: d.key(l), Text: l.Text, Project: l.Project, CostCentre: l.CostCentre, Instance: l.Instance, Service: l.Service, Item: l.Item, From: l.Period.From, To: l.Period.To,
			Quantity: trimmed(l.Quantity), Unit: l.Unit, Price: l.Price.String(), Net: d.shown(l.Net), Percent: l.Percent.String(), Of: l.Of}
		if l.Adjusts != nil {
			lines[i].Invoice = l.Adjusts.Number
		}
		if e := l.Evidence; e != nil {
			lines[i].Evidence = &api.CreditEvidence{Month: e.Month, Report: e.Report.String(), Watermark: e.Watermark, SHA256: e.SHA256, Availability: e.Availability, Objective: e.Objective,
				Below: e.Below, Percent: e.Percent, Charged: d.shown(e.Charged)}
		}
	}
	return lines
}

func (d *Document) shownTaxes() []api.InvoiceTax {
	taxes := make([]api.InvoiceTax, len(d.Taxes))
	for i, t := range d.Taxes {
		taxes[i] = api.InvoiceTax{Category: string(t.Category), Percent: t.Percent.String(), Net: d.shown(t.Net), Tax: d.shown(t.Tax), Reason: t.Reason}
	}
	return taxes
}

// Runs lists closes of months below an ID, newest first: of all organizations or of one;
// show is "held", "failed", "open" (whatever has not ended) or "".
func Runs(ctx context.Context, tx store.Tx, organization, show string, before uuid.UUID, limit int) ([]api.InvoiceRun, error) {
	q := invoicedb.New(tx)
	p := invoicedb.RunsParams{Show: show, Before: before, Limit: int32(limit)}
	if before == uuid.Nil {
		p.Before = uuid.Max
	}
	if organization != "" {
		o, err := organizationNamed(ctx, q, "query.organization", organization)
		if err != nil {
			return nil, err
		}
		p.Organization = &o
	}
	rows, err := q.Runs(ctx, p)
	list := make([]api.InvoiceRun, len(rows))
	for i, r := range rows {
		list[i] = api.InvoiceRun{ID: r.ID.String(), Organization: r.Organization, Month: r.Month, State: r.State, Held: r.Held, Error: r.Error, Attempts: int(r.Attempts), Hands: int(r.Hands),
			Watermark: r.Watermark.UTC(), Rules: r.Rules, FrozenAt: r.FrozenAt.UTC(), Number: r.Number, Currency: r.Currency}
		if r.Number != "" {
			list[i].Gross = r.Gross.Fixed(money.Digits(r.Currency))
		}
		if r.NextAt != nil {
			list[i].NextAt = r.NextAt.UTC()
		}
		if r.EndedAt != nil {
			list[i].EndedAt = r.EndedAt.UTC()
		}
	}
	return list, err
}

// Months says of the newest months how closing them went.
func Months(ctx context.Context, tx store.Tx, most int) ([]api.InvoiceMonth, error) {
	rows, err := invoicedb.New(tx).RunMonths(ctx, int32(most))
	list := make([]api.InvoiceMonth, len(rows))
	for i, r := range rows {
		list[i] = api.InvoiceMonth{Month: r.Month, Runs: int(r.Runs), Alone: int(r.Alone), ByHand: int(r.ByHand), Held: int(r.Held), Failed: int(r.Failed)}
		if known := r.Alone + r.ByHand + r.Held + r.Failed; known > 0 {
			tenths := r.Alone * 1000 / known
			list[i].Success = fmt.Sprintf("%d.%d", tenths/10, tenths%10)
		}
	}
	return list, err
}

func organizationNamed(ctx context.Context, q *invoicedb.Queries, field, name string) (uuid.UUID, error) {
	o, err := q.OrganizationByName(ctx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, problem.InvalidField(field, name, "There is no such organization.")
	}
	return o.ID, err
}

// OrganizationID returns the ID of the organization that a request's body names.
func OrganizationID(ctx context.Context, tx store.Tx, name string) (uuid.UUID, error) {
	return organizationNamed(ctx, invoicedb.New(tx), "body.organization", name)
}
