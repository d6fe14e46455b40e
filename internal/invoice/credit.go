package invoice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/account"
	"souk/internal/invoice/invoicedb"
	"souk/internal/money"
	"souk/internal/problem"
	"souk/internal/store"
	"souk/internal/tax"
)

// Credit issues a credit note for an invoice, or for a part of it: lines, parts of lines,
// or an amount that is split over its lines by what is left of each. Each line goes back
// the way it came: to the same service, project and tax as then. Together credit notes
// never give back more than was invoiced. Number, ledger entry, files and mail are the
// caller's transaction. It returns the number and whose it is.
func (s *Service) Credit(ctx context.Context, tx store.Tx, order api.CreditNoteOrder, by string) (string, uuid.UUID, error) {
	q, now := invoicedb.New(tx), s.Clock.Now()
	if err := q.LockCredits(ctx, order.Invoice); err != nil {
		return "", uuid.Nil, err
	}
	row, note, err := toCredit(ctx, q, order)
	if err != nil {
		return "", uuid.Nil, err
	}
	issuer, has, err := account.CurrentIssuer(ctx, tx)
	if err != nil || !has {
		return "", uuid.Nil, errors.Join(err, problem.Conflict("no-issuer", "Nobody issues invoices here yet. Set the issuer first."))
	}
	zone, err := time.LoadLocation(issuer.TimeZone)
	if err != nil {
		return "", uuid.Nil, err
	}
	id, d, err := Record(ctx, tx, Issue{Organization: row.OrganizationID, Issuer: row.IssuerID, Corrects: row.ID, Month: row.Month, Language: row.Language, Zone: zone, Watermark: row.Watermark,
		MadeBy: by, Reason: strings.TrimSpace(order.Reason), Document: note}, now)
	if err != nil {
		return "", uuid.Nil, err
	}
	content, err := json.Marshal(d)
	if err != nil {
		return "", uuid.Nil, err
	}
	if err := makeFiles(ctx, q, row.OrganizationID, id, &d, content, row.Language, now); err != nil {
		return "", uuid.Nil, err
	}
	return d.Number, row.OrganizationID, s.mailDocument(ctx, tx, row.OrganizationID, row.Organization, row.Month, &d, now)
}

// PreviewCredit returns the credit note that Credit would issue, without a number and a
// day, and changes nothing.
func PreviewCredit(ctx context.Context, tx store.Tx, order api.CreditNoteOrder) (api.InvoiceDetail, error) {
	row, note, err := toCredit(ctx, invoicedb.New(tx), order)
	if err != nil {
		return api.InvoiceDetail{}, err
	}
	i := api.Invoice{Kind: string(note.Kind), Month: row.Month, Currency: note.Currency, Net: note.shown(note.Totals.Net), Tax: note.shown(note.Totals.Tax), Gross: note.shown(note.Totals.Gross),
		Payable: note.shown(note.Totals.Payable), Corrects: row.Number, Reason: strings.TrimSpace(order.Reason), Files: []string{}}
	return detailed(&note, i, row.Watermark, note.Rules), nil
}

// toCredit makes the credit note of an order, before it has a number.
func toCredit(ctx context.Context, q *invoicedb.Queries, order api.CreditNoteOrder) (row invoicedb.InvoiceToCreditRow, note Document, err error) {
	row, err = q.InvoiceToCredit(ctx, order.Invoice)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, note, problem.InvalidField("body.invoice", order.Invoice, "There is no invoice with this number.")
	}
	if err != nil {
		return row, note, err
	}
	var original Document
	if err := json.Unmarshal(row.Document, &original); err != nil {
		return row, note, err
	}
	left, err := leftOf(ctx, q, row.ID, &original)
	if err != nil {
		return row, note, err
	}
	chosen, err := choose(order, &original, left)
	if err != nil {
		return row, note, err
	}
	return row, original.credited(chosen), nil
}

// leftOf is what no credit note has given back yet, by line.
func leftOf(ctx context.Context, q *invoicedb.Queries, id uuid.UUID, original *Document) (map[int]money.Amount, error) {
	left := map[int]money.Amount{}
	for _, l := range original.Lines {
		left[l.ID] = l.Net
	}
	notes, err := q.CreditNotes(ctx, &id)
	if err != nil {
		return nil, err
	}
	for _, content := range notes {
		var note Document
		if err := json.Unmarshal(content, &note); err != nil {
			return nil, err
		}
		for _, l := range note.Lines {
			left[l.Of] = left[l.Of].Sub(l.Net)
		}
	}
	return left, nil
}

// choose says how much of each line is given back.
func choose(order api.CreditNoteOrder, original *Document, left map[int]money.Amount) (map[int]money.Amount, error) {
	var chosen map[int]money.Amount
	var err error
	switch {
	case order.Amount != "" && len(order.Lines) > 0:
		return nil, problem.InvalidField("body.amount", order.Amount, "Give an amount of the whole invoice, or lines; not both.")
	case order.Amount != "":
		chosen, err = splitAmount(order.Amount, original, left)
	case len(order.Lines) > 0:
		chosen, err = chooseLines(order.Lines, original, left)
	default:
		chosen = left
	}
	if err != nil {
		return nil, err
	}
	sum, most := total(chosen), total(left)
	if sum.Cmp(money.Amount{}) <= 0 {
		return nil, problem.Conflict("nothing-left", "Nothing of invoice %s is left to be given back.", original.Number)
	}
	if sum.Cmp(most) > 0 {
		return nil, problem.InvalidField("body.lines", nil, "add up to %s, which is more than the %s that are left of the invoice without tax: discounts have reduced it. Name their lines too, or give an amount.",
			original.shown(sum), original.shown(most))
	}
	return chosen, nil
}

func total(amounts map[int]money.Amount) (sum money.Amount) {
	for _, a := range amounts {
		sum = sum.Add(a)
	}
	return sum
}

func parse(location, text, currency string) (money.Amount, error) {
	a, err := money.Parse(text)
	if err != nil || a.Cmp(money.Amount{}) <= 0 || a.Round(money.Digits(currency)).Cmp(a) != 0 {
		return a, problem.InvalidField(location, text, "must be an amount above zero, with at most %d decimal places", money.Digits(currency))
	}
	return a, nil
}

func chooseLines(lines []api.CreditNoteLine, original *Document, left map[int]money.Amount) (map[int]money.Amount, error) {
	chosen := map[int]money.Amount{}
	for i, l := range lines {
		at := fmt.Sprintf("body.lines[%d]", i)
		most, known := left[l.Line]
		if _, twice := chosen[l.Line]; !known || twice {
			return nil, problem.InvalidField(at+".line", l.Line, "must be one of the invoice's lines 1 to %d, and once", len(original.Lines))
		}
		chosen[l.Line] = most
		if l.Amount == "" {
			continue
		}
		a, err := parse(at+".amount", l.Amount, original.Currency)
		if err != nil {
			return nil, err
		}
		if a.Cmp(most) > 0 {
			return nil, problem.InvalidField(at+".amount", l.Amount, "is more than the %s that are left of the line", original.shown(most))
		}
		chosen[l.Line] = a
	}
	return chosen, nil
}

// splitAmount splits an amount over the lines by what is left of each. What rounding
// leaves over goes to those with the largest remainders, so that the parts are the whole.
func splitAmount(text string, original *Document, left map[int]money.Amount) (map[int]money.Amount, error) {
	amount, err := parse("body.amount", text, original.Currency)
	if err != nil {
		return nil, err
	}
	if most := total(left); amount.Cmp(most) > 0 {
		return nil, problem.InvalidField("body.amount", text, "is more than the %s that are left of the invoice without tax", original.shown(most))
	}
	weights := make([]money.Amount, len(original.Lines))
	for i, l := range original.Lines {
		weights[i] = left[l.ID]
	}
	chosen := map[int]money.Amount{}
	for i, part := range money.Split(amount, weights, money.Digits(original.Currency)) {
		chosen[original.Lines[i].ID] = part
	}
	return chosen, nil
}

// credited is the credit note of what is given back of lines, taxed as they were.
func (d *Document) credited(chosen map[int]money.Amount) Document {
	note := Document{Kind: KindCreditNote, Period: d.Period, Currency: d.Currency, Corrects: &Reference{d.Number, d.Issued}, Issuer: d.Issuer, IBAN: d.IBAN, Customer: d.Customer, Rules: d.Rules, Watermark: d.Watermark}
	was := map[int]tax.Treatment{}
	for _, l := range d.Lines {
		net, wanted := chosen[l.ID]
		if !wanted || net.IsZero() {
			continue
		}
		was[l.ID] = d.treatment(l)
		back := l
		back.Of, back.ID, back.Net, back.Adjusts = l.ID, len(note.Lines)+1, net, nil
		if net.Cmp(l.Net) != 0 {
			back.Unit = "one"
			back.Quantity, back.Price = one(net)
		}
		note.Lines = append(note.Lines, back)
	}
	note.AddEach(func(l *Line) tax.Treatment { return was[l.Of] })
	return note
}

// treatment is how a line was taxed.
func (d *Document) treatment(l Line) tax.Treatment {
	for _, t := range d.Taxes {
		if t.Category == l.Category && t.Percent.Cmp(l.Percent) == 0 {
			return tax.Treatment{Category: t.Category, Percent: t.Percent, Reason: t.Reason, Code: t.Code}
		}
	}
	return tax.Treatment{Category: l.Category, Percent: l.Percent}
}
