package qrbill

import (
	"strings"

	"souk/internal/document"
	"souk/internal/money"
)

// Height of the receipt and the payment part at the bottom of an A4 page, in
// millimetres.
const Height = 105.0

// words are what stands on the bill in a language (guidelines, annex D).
type words struct {
	receipt, payment, account, reference, message, debtor, currency, amount, acceptance, separate string
}

var languages = map[string]words{
	"en": {"Receipt", "Payment part", "Account / Payable to", "Reference", "Additional information", "Payable by", "Currency", "Amount", "Acceptance point", "Separate before paying in"},
	"de": {"Empfangsschein", "Zahlteil", "Konto / Zahlbar an", "Referenz", "Zusätzliche Informationen", "Zahlbar durch", "Währung", "Betrag", "Annahmestelle", "Vor der Einzahlung abzutrennen"},
}

// Draw puts the receipt and the payment part at the bottom of a document's last page, in
// a language ("de"; any other is English). It returns an *Error for what a bill cannot
// hold.
func (b Bill) Draw(d *document.Document, language string) error {
	code, err := b.Code()
	if err != nil {
		return err
	}
	w, known := languages[language]
	if !known {
		w = languages["en"]
	}
	d.Sheet(Height, func(s *document.Sheet) {
		b.separate(s, w)
		b.receipt(s, w)
		b.payment(s, w, code)
	})
	return nil
}

// The lengths of the style guide, in millimetres.
const (
	edge         = 5.0
	receiptWidth = 62.0
	infoLeft     = receiptWidth + 56
	sheetWidth   = 210.0
	amountTop    = 68.0
)

func (b Bill) separate(s *document.Sheet, w words) {
	s.Line(0, 0, sheetWidth, 0)
	s.Line(receiptWidth, 0, receiptWidth, Height)
	s.Text(edge, -4, 7, false, w.separate)
}

// column writes headed values, one below the other.
type column struct {
	s                  *document.Sheet
	x, y, width        float64
	heading, text, gap float64 // points, points, and the height of a line in millimetres
}

func (c *column) put(heading string, lines ...string) {
	c.s.Text(c.x, c.y, c.heading, true, heading)
	c.y += c.gap
	for _, l := range lines {
		for _, part := range c.s.Fit(c.width, c.text, l) {
			c.s.Text(c.x, c.y, c.text, false, part)
			c.y += c.gap
		}
	}
	c.y += c.gap
}

func (b Bill) receipt(s *document.Sheet, w words) {
	s.Text(edge, edge, 11, true, w.receipt)
	c := column{s: s, x: edge, y: 12, width: receiptWidth - 2*edge, heading: 6, text: 8, gap: 3.2}
	c.put(w.account, append([]string{Grouped(b.IBAN)}, b.Creditor.printed()...)...)
	c.put(w.reference, Grouped(b.Reference))
	c.put(w.debtor, b.Debtor.printed()...)
	b.sum(s, w, edge, 17, 6, 8)
	s.Text(receiptWidth-edge-18, 82, 6, true, w.acceptance)
}

func (b Bill) payment(s *document.Sheet, w words, code Code) {
	left := receiptWidth + edge
	s.Text(left, edge, 11, true, w.payment)
	code.draw(s, left, 17)
	b.sum(s, w, left, 20, 8, 10)
	c := column{s: s, x: infoLeft, y: edge, width: sheetWidth - edge - infoLeft, heading: 8, text: 10, gap: 3.9}
	c.put(w.account, append([]string{Grouped(b.IBAN)}, b.Creditor.printed()...)...)
	c.put(w.reference, Grouped(b.Reference))
	if b.Message != "" {
		c.put(w.message, b.Message)
	}
	c.put(w.debtor, b.Debtor.printed()...)
}

// sum writes the currency and the amount side by side.
func (b Bill) sum(s *document.Sheet, w words, x, between, heading, text float64) {
	s.Text(x, amountTop, heading, true, w.currency)
	s.Text(x, amountTop+4, text, false, b.Currency)
	s.Text(x+between, amountTop, heading, true, w.amount)
	s.Text(x+between, amountTop+4, text, false, printedAmount(b.Amount))
}

// printedAmount writes an amount with a space between thousands.
func printedAmount(a money.Amount) string {
	whole, cents, _ := strings.Cut(a.Fixed(2), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + " " + whole[i:]
	}
	return whole + "." + cents
}

func (a Address) printed() []string {
	lines := []string{a.Name}
	if street := strings.TrimSpace(a.Street + " " + a.Building); street != "" {
		lines = append(lines, street)
	}
	return append(lines, a.Country+"-"+a.PostalCode+" "+a.Town)
}

// draw puts the code at x, y, with the Swiss cross in its middle. Dark modules beside
// each other are one rectangle, so that no light shows between them.
func (c Code) draw(s *document.Sheet, x, y float64) {
	module := CodeMillimetres / float64(c.Size)
	for row := range c.Size {
		for from := 0; from < c.Size; from++ {
			to := from
			for to < c.Size && c.Dark(to, row) {
				to++
			}
			if to > from {
				s.Fill(x+float64(from)*module, y+float64(row)*module, float64(to-from)*module, module, true)
				from = to
			}
		}
	}
	at := (CodeMillimetres - CrossMillimetres) / 2
	cross(s, x+at, y+at)
}

// cross draws the Swiss cross of 7 mm: white, in a black square with a white edge.
func cross(s *document.Sheet, x, y float64) {
	s.Fill(x, y, CrossMillimetres, CrossMillimetres, false)
	s.Fill(x+.25, y+.25, 6.5, 6.5, true)
	s.Fill(x+2.93, y+1.56, 1.14, 3.88, false)
	s.Fill(x+1.56, y+2.93, 3.88, 1.14, false)
}
