package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"souk/api"
	"souk/internal/money"
	"souk/test/pdf"
)

// invoice is the customer's of a month, such as "2026-12".
func (m *month) invoice(ctx context.Context, of string) (api.InvoiceDetail, error) {
	all, err := m.customer.Invoices(ctx)
	if err != nil {
		return api.InvoiceDetail{}, err
	}
	n := slices.IndexFunc(all, func(i api.Invoice) bool { return i.Kind == "invoice" && i.Month == of })
	if n < 0 {
		return api.InvoiceDetail{}, fmt.Errorf("nothing was invoiced of %s", of)
	}
	return m.customer.Invoice(ctx, all[n].Number)
}

// reckoned are the lines of the month until a moment by the zone's books, the discount too.
func (m *month) reckoned(lives []*life, until time.Time) map[spent]string {
	costs := reckon(lives, m.prices.price, nil, m.calendar.window, until)
	m.withDiscount(costs, lives, until)
	return costs
}

// owed is what a month comes to by the zone's books, and how many lines that are.
func (m *month) owed(lives []*life) (sum money.Amount, lines int) {
	for _, amount := range m.reckoned(lives, m.calendar.to) {
		sum = sum.Add(money.MustParse(amount))
		lines++
	}
	return sum, lines
}

// invoiceIsRight: it asks for what was known at the close, and not for what was not.
func invoiceIsRight(ctx context.Context, m *month) (string, error) {
	is, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	want, lines := m.owed(m.zone.inTime())
	credits, less := creditsOn(is) // compared later
	want, lines = want.Add(less), lines+len(credits)
	figures := fmt.Sprintf("%s: %d lines, net %s, tax %s, %s %s; computed a second time %d lines, net %s", is.Number, len(is.Lines), is.Net, is.Tax, is.Gross, is.Currency, lines, want.Fixed(2))
	if money.MustParse(is.Net).Cmp(want) != 0 || len(is.Lines) != lines {
		return figures, errors.New("the two differ")
	}
	vat, gross := want.Percent(money.MustParse("8.1"), 2), money.MustParse(is.Gross)
	if money.MustParse(is.Tax).Cmp(vat) != 0 || gross.Cmp(want.Add(vat)) != 0 {
		return figures, fmt.Errorf("8.1 %% of it are %s", vat.Fixed(2))
	}
	return figures, nil
}

// norm is what an EN 16931 invoice says, as far as it is looked at here.
type norm struct {
	Number string   `xml:"ID"`
	Due    string   `xml:"DueDate"`
	Net    string   `xml:"LegalMonetaryTotal>TaxExclusiveAmount"`
	Gross  string   `xml:"LegalMonetaryTotal>TaxInclusiveAmount"`
	Tax    string   `xml:"TaxTotal>TaxAmount"`
	Means  []string `xml:"PaymentMeans>PaymentID"`
	Lines  []struct {
		Net string `xml:"LineExtensionAmount"`
	} `xml:"InvoiceLine"`
}

// documentsAgree: the PDF read back, the code of its QR-bill decoded, and the UBL say
// what the API says.
func documentsAgree(ctx context.Context, m *month) (string, error) {
	is, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	printed, err := m.customer.InvoiceFile(ctx, is.Number, "pdf")
	if err != nil {
		return "", err
	}
	text, err := pdf.Text(ctx, printed)
	if err != nil {
		return "", err
	}
	for _, want := range []string{is.Number, is.Issuer.Name, is.Customer.Name, is.DueOn, is.Currency + " " + is.Gross} {
		if !strings.Contains(text, want) {
			err = errors.Join(err, fmt.Errorf("the PDF does not say %q", want))
		}
	}
	code, pages, unread := pdf.BillCode(ctx, printed)
	if unread != nil {
		return "", errors.Join(err, unread)
	}
	// Swiss Implementation Guidelines QR-bill, section 4.2.2: which line holds what.
	fields := strings.Split(strings.ReplaceAll(code, "\r", ""), "\n")
	for line, want := range map[int]string{0: "SPC", 3: is.IBAN, 5: is.Issuer.Name, 18: is.Gross, 19: is.Currency, 21: is.Customer.Name, 27: "SCOR", 28: is.Reference} {
		if line >= len(fields) || fields[line] != want {
			err = errors.Join(err, fmt.Errorf("line %d of the code is not %q: %q", line+1, want, code))
		}
	}
	file, missing := m.customer.InvoiceFile(ctx, is.Number, "ubl")
	if missing != nil {
		return "", errors.Join(err, missing)
	}
	var n norm
	if bad := xml.Unmarshal(file, &n); bad != nil {
		return "", errors.Join(err, bad)
	}
	if n.Number != is.Number || n.Due != is.DueOn || n.Net != is.Net || n.Tax != is.Tax || n.Gross != is.Gross || !slices.Contains(n.Means, is.Reference) {
		err = errors.Join(err, fmt.Errorf("the UBL says %+v", n))
	}
	var sum money.Amount
	for _, l := range n.Lines {
		sum = sum.Add(money.MustParse(l.Net))
	}
	if len(n.Lines) != len(is.Lines) || sum.Cmp(money.MustParse(is.Net)) != 0 {
		err = errors.Join(err, fmt.Errorf("the UBL's %d lines come to %s", len(n.Lines), sum.Fixed(2)))
	}
	return fmt.Sprintf("PDF of %d pages, QR-bill for %s %s to %s with %s, UBL with %d lines", pages, is.Currency, is.Gross, is.IBAN, is.Reference, len(n.Lines)), err
}

// notification is a bank's message of one payment that has come in (camt.054.001.04).
const notification = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>DEMO-MONTH</MsgId></GrpHdr>
<Ntfctn><Id>DEMO-MONTH-1</Id><Acct><Id><IBAN>%s</IBAN></Id></Acct>
<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>%s</Dt></BookgDt><AcctSvcrRef>DEMO-MONTH-1</AcctSvcrRef>
<NtryDtls><TxDtls><RmtInf><Strd><CdtrRefInf><Ref>%s</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
`

// paymentIsTaken: the bank's notification of a payment with the invoice's reference has
// it be paid, without anybody's hands; the same file again does nothing.
func paymentIsTaken(ctx context.Context, m *month) (string, error) {
	is, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	booked := m.calendar.to.AddDate(0, 0, 1).In(m.calendar.location).Format(time.DateOnly)
	file := fmt.Appendf(nil, notification, is.IBAN, is.Currency, is.Gross, booked, is.Reference)
	done, err := m.operator.Operator().ImportBankFile(ctx, file)
	if err != nil {
		return "", err
	}
	again, err := m.operator.Operator().ImportBankFile(ctx, file)
	if err != nil {
		return "", err
	}
	if is, err = m.invoice(ctx, m.calendar.name); err != nil {
		return "", err
	}
	figures := fmt.Sprintf("%s: %s %s of %s; the same file again: %d new", is.Number, is.Payment.State, is.Payment.Paid, is.Gross, again.New)
	if is.Payment.State != "paid" || done.New != 1 || done.Findings["matched"] != 1 || !again.Again || again.New != 0 {
		return figures, fmt.Errorf("of the file came %+v, and then %+v", done, again)
	}
	return figures, nil
}

// lateFactIsAdjusted: what was heard of after the close is on the next month's invoice,
// with the number of the one that it was not on.
func lateFactIsAdjusted(ctx context.Context, m *month) (string, error) {
	next := m.calendar.to.In(m.calendar.location)
	if err := m.advance(ctx, next.AddDate(0, 1, 0).Add(27*time.Hour)); err != nil {
		return "", err
	}
	closed, err := m.invoice(ctx, m.calendar.name)
	if err != nil {
		return "", err
	}
	var is api.InvoiceDetail
	err = await(ctx, next.Format("2006-01")+" is invoiced", func() (err error) {
		is, err = m.invoice(ctx, next.Format("2006-01"))
		return err
	})
	if err != nil {
		return "", err
	}
	var sum money.Amount
	var lines []string
	for _, l := range is.Lines {
		if l.Invoice == "" {
			continue
		}
		sum = sum.Add(money.MustParse(l.Net))
		lines = append(lines, strconv.Itoa(l.Of))
		if l.Invoice != closed.Number || l.Instance != "cache" && l.Item != "discount" {
			err = errors.Join(err, fmt.Errorf("%q adjusts invoice %s", l.Text, l.Invoice))
		}
	}
	now, _ := m.owed(m.zone.all())
	was, _ := m.owed(m.zone.inTime())
	figures := fmt.Sprintf("%s: %d lines for %s, net %s; computed a second time %s - %s = %s", is.Number, len(lines), closed.Number, sum.Fixed(2), now.Fixed(2), was.Fixed(2), now.Sub(was).Fixed(2))
	if sum.IsZero() || sum.Cmp(now.Sub(was)) != 0 {
		err = errors.Join(err, errors.New("the two differ"))
	}
	return figures, err
}
