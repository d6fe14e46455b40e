package invoice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"souk/internal/document"
	"souk/internal/money"
	"souk/internal/qrbill"
)

// pdfWords are what stands on the page in a language.
type pdfWords struct {
	invoice, creditNote, issuer, customer, vat, issued, due, period, corrects, reference, account, yours string
	lines, what, quantity, price, net, project, whole, sum                                               string
	totals, without, tax, gross, prepaid, payable, of                                                    string
	balance, evidence, report, recorded                                                                  string
}

var pdfLanguages = map[string]pdfWords{
	"en": {"Invoice", "Credit note", "From", "To", "VAT number", "Issued on", "To be paid by", "Period", "Corrects invoice", "Reference", "Account", "Your reference",
		"Lines", "What", "Quantity", "Price of one", "Amount", "Project", "Whole organization", "Sum",
		"Total", "Without tax", "VAT", "With tax", "Paid before", "To be paid", "of",
		"To your credit balance", "Evidence of credits", "SLA report", "As recorded until"},
	"de": {"Rechnung", "Gutschrift", "Von", "An", "MWST-Nummer", "Ausgestellt am", "Zahlbar bis", "Zeitraum", "Berichtigt Rechnung", "Referenz", "Konto", "Ihre Referenz",
		"Positionen", "Was", "Menge", "Preis", "Betrag", "Projekt", "Ganze Organisation", "Summe",
		"Total", "Ohne Steuer", "MWST", "Mit Steuer", "Bereits bezahlt", "Zu zahlen", "von",
		"Ihrem Guthaben gutgeschrieben", "Belege der Gutschriften", "SLA-Bericht", "Erfasst bis"},
}

// PDF writes the document as pages to print and keep, in a language ("de"; any other is
// English), and an invoice in Swiss francs or euros to a Swiss account with its QR-bill.
// The same document gives the same bytes; each page carries the SHA-256 of its stored
// form.
func (d *Document) PDF(language string) ([]byte, error) {
	w, known := pdfLanguages[language]
	if !known {
		w, language = pdfLanguages["en"], "en"
	}
	stored, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(stored)
	issued, err := time.Parse(time.DateOnly, d.Issued)
	if err != nil {
		return nil, err
	}
	title := w.invoice
	if d.Kind == KindCreditNote {
		title = w.creditNote
	}
	page := document.New(document.Meta{Title: title + " " + d.Number, Language: language, Created: issued, Footer: "SHA-256 " + hex.EncodeToString(sum[:])})
	d.pdfHead(page, w)
	d.pdfLines(page, w)
	d.pdfTotals(page, w)
	d.pdfEvidence(page, w)
	if bill, has := d.bill(); has {
		if err := bill.Draw(page, language); err != nil {
			return nil, err
		}
	}
	return page.Bytes()
}

func (d *Document) pdfHead(page *document.Document, w pdfWords) {
	facts := []document.Fact{{Label: w.issuer, Value: d.Issuer.printed()}, {Label: w.vat, Value: d.Issuer.VATID}, {Label: w.customer, Value: d.Customer.printed()}}
	if d.Customer.VATID != "" {
		facts = append(facts, document.Fact{Label: w.vat, Value: d.Customer.VATID})
	}
	if d.Customer.Reference != "" {
		facts = append(facts, document.Fact{Label: w.yours, Value: d.Customer.Reference})
	}
	facts = append(facts, document.Fact{Label: w.period, Value: d.Period.From + " – " + d.Period.To}, document.Fact{Label: w.issued, Value: d.Issued})
	if d.Kind == KindCreditNote {
		facts = append(facts, document.Fact{Label: w.corrects, Value: d.Corrects.Number + " (" + d.Corrects.Issued + ")"})
	} else {
		facts = append(facts, document.Fact{Label: w.due, Value: d.Due}, document.Fact{Label: w.account, Value: qrbill.Grouped(d.IBAN)}, document.Fact{Label: w.reference, Value: qrbill.Grouped(d.Reference)})
	}
	page.Facts(facts...)
}

func (p Party) printed() string {
	parts := []string{p.Name}
	if street := p.streetLine(); street != "" {
		parts = append(parts, street)
	}
	return strings.Join(append(parts, p.Country+"-"+p.PostalCode+" "+p.Town), ", ")
}

// pdfLines is a table for each project, with its sum where there are several.
func (d *Document) pdfLines(page *document.Document, w pdfWords) {
	columns := []document.Column{{Title: w.what, Share: 5}, {Title: w.quantity, Share: 3, Right: true}, {Title: w.price, Share: 2, Right: true}, {Title: w.net, Share: 2, Right: true}}
	groups := d.byProject()
	page.Heading(w.lines)
	for _, g := range groups {
		if g.name != "" {
			page.Text(w.project + " " + g.name)
		} else if len(groups) > 1 {
			page.Text(w.whole)
		}
		var rows [][]string
		for _, l := range g.lines {
			rows = append(rows, []string{l.Text, l.printedQuantity(), l.Price.String(), d.amount(l.Net).Value})
		}
		if len(groups) > 1 {
			rows = append(rows, []string{w.sum, "", "", d.amount(g.net).Value})
		}
		page.Table(columns, rows)
	}
}

type projectLines struct {
	name  string
	lines []Line
	net   money.Amount
}

// byProject groups the lines, in the order in which projects come first; a cost centre
// stands beside the project's name.
func (d *Document) byProject() []*projectLines {
	var groups []*projectLines
	of := map[string]*projectLines{}
	for _, l := range d.Lines {
		name := l.Project
		if l.CostCentre != "" {
			name += " (" + l.CostCentre + ")"
		}
		g := of[name]
		if g == nil {
			g = &projectLines{name: name}
			of[name], groups = g, append(groups, g)
		}
		g.lines, g.net = append(g.lines, l), g.net.Add(l.Net)
	}
	return groups
}

// printedQuantity is the quantity with its unit; "one" goes without saying.
func (l Line) printedQuantity() string {
	if l.Unit == "one" {
		return trimmed(l.Quantity)
	}
	return trimmed(l.Quantity) + " " + l.Unit
}

// trimmed writes a quantity without the zeros at its end.
func trimmed(quantity string) string {
	if !strings.Contains(quantity, ".") {
		return quantity
	}
	return strings.TrimRight(strings.TrimRight(quantity, "0"), ".")
}

func (d *Document) pdfTotals(page *document.Document, w pdfWords) {
	in := func(a money.Amount) string { return d.Currency + " " + d.amount(a).Value }
	page.Heading(w.totals)
	facts := []document.Fact{{Label: w.without, Value: in(d.Totals.Net)}}
	for _, t := range d.Taxes {
		facts = append(facts, document.Fact{Label: w.tax + " " + t.Percent.String() + " %", Value: in(t.Tax) + " (" + w.of + " " + in(t.Net) + ")"})
	}
	facts = append(facts, document.Fact{Label: w.gross, Value: in(d.Totals.Gross)})
	switch d.Totals.Prepaid.Cmp(money.Amount{}) {
	case -1:
		facts = append(facts, document.Fact{Label: w.balance, Value: in(d.Totals.Prepaid.Negative())})
	case 1:
		facts = append(facts, document.Fact{Label: w.prepaid, Value: in(d.Totals.Prepaid)})
	}
	if d.Kind == KindInvoice {
		facts = append(facts, document.Fact{Label: w.payable, Value: in(d.Totals.Payable)})
	}
	page.Facts(facts...)
	for _, t := range d.Taxes {
		if t.Reason != "" {
			page.Text(t.Reason)
		}
	}
}

// pdfEvidence names the reports that lines are given back by.
func (d *Document) pdfEvidence(page *document.Document, w pdfWords) {
	all := d.evidence()
	if len(all) == 0 {
		return
	}
	page.Heading(w.evidence)
	for _, e := range all {
		page.Facts(document.Fact{Label: w.report, Value: e.Month + " (" + e.Report.String() + ")"}, document.Fact{Label: w.recorded, Value: e.Watermark}, document.Fact{Label: "SHA-256", Value: e.SHA256})
	}
}

// bill is what is to be paid by the document's QR-bill, where it can have one.
func (d *Document) bill() (qrbill.Bill, bool) {
	b := qrbill.Bill{IBAN: d.IBAN, Creditor: d.Issuer.address(), Amount: d.Totals.Payable, Currency: d.Currency, Debtor: d.Customer.address(), Reference: d.Reference, Message: d.Number}
	if d.Kind != KindInvoice {
		return b, false
	}
	var cannot *qrbill.Error
	_, err := b.Payload()
	return b, !errors.As(err, &cannot)
}

func (p Party) address() qrbill.Address {
	return qrbill.Address{Name: p.Name, Street: p.Street, Building: p.Building, PostalCode: p.PostalCode, Town: p.Town, Country: p.Country}
}
