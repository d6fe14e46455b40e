// Package invoice makes invoices and credit notes: what they say, how they add up, and
// the forms in which customers get them.
package invoice

import (
	"fmt"

	"github.com/google/uuid"

	"souk/internal/money"
	"souk/internal/tax"
)

// Kind is what a document is.
type Kind string

// The kinds.
const (
	KindInvoice    Kind = "invoice"
	KindCreditNote Kind = "credit-note" // its amounts are what is given back, and positive
)

// Document is an invoice or a credit note as it was issued: the parties, prices and
// taxes as they were. It does not change, and everything that is shown of it is made
// from it.
type Document struct {
	Kind     Kind   `json:"kind"`
	Number   string `json:"number"` // "2026-000012": without gaps within issuer and year
	Issued   Day    `json:"issued"`
	Due      Day    `json:"due"`
	Period   Period `json:"period"`
	Currency string `json:"currency"`
	// Reference is the creditor reference (ISO 11649) that payments carry.
	Reference string `json:"reference"`
	// Corrects is the invoice that a credit note corrects.
	Corrects *Reference `json:"corrects,omitempty"`
	Issuer   Party      `json:"issuer"`
	IBAN     string     `json:"iban"` // where it is paid to
	Customer Party      `json:"customer"`
	Lines    []Line     `json:"lines"`
	Taxes    []Tax      `json:"taxes"`
	Totals   Totals     `json:"totals"`
	// Rules and Watermark say how and from what it was rated: by which version of the
	// rules, and from what had been recorded by then (RFC 3339).
	Rules     string `json:"rules"`
	Watermark string `json:"watermark"`
}

// Day is a calendar day in the issuer's time zone, "2026-11-30".
type Day = tax.Day

// Period is from its first to its last day.
type Period struct {
	From Day `json:"from"`
	To   Day `json:"to"`
}

// Reference names another document.
type Reference struct {
	Number string `json:"number"`
	Issued Day    `json:"issued"`
}

// Party is the issuer or the customer as it was.
type Party struct {
	Name       string `json:"name"`
	Street     string `json:"street,omitempty"`
	Building   string `json:"building,omitempty"`
	PostalCode string `json:"postalCode"`
	Town       string `json:"town"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
	VATID      string `json:"vatId,omitempty"`
	Email      string `json:"email,omitempty"`
	Reference  string `json:"reference,omitempty"` // the customer's own, such as of a purchase order
}

// Line is one line; its amount is rounded, once.
type Line struct {
	ID   int    `json:"id"` // from 1
	Text string `json:"text"`
	// What the line is of; "" where it is of no such thing.
	Project    string `json:"project,omitempty"`
	CostCentre string `json:"costCentre,omitempty"`
	Instance   string `json:"instance,omitempty"`
	Service    string `json:"service,omitempty"`
	Plan       string `json:"plan,omitempty"`
	Item       string `json:"item"`
	// Source is what it is of by IDs, which no renaming changes.
	Source *Source `json:"source,omitempty"`
	Period Period  `json:"period"`
	// Quantity is negative on a discount or credit: prices are not.
	Quantity string       `json:"quantity"` // in units, to six decimal places
	Unit     string       `json:"unit"`
	Price    money.Amount `json:"price"` // of one unit
	Net      money.Amount `json:"net"`
	// Category and Percent are how the line is taxed.
	Category tax.Category `json:"category"`
	Percent  money.Amount `json:"percent"`
	// Of is the line of the corrected invoice, or of the one that is adjusted; or 0.
	Of int `json:"of,omitempty"`
	// Adjusts is the earlier invoice that an adjustment is of.
	Adjusts *Reference `json:"adjusts,omitempty"`
	// Evidence is what a service credit is given for.
	Evidence *Evidence `json:"evidence,omitempty"`
}

// Source is what a line is of, by IDs.
type Source struct {
	Project      uuid.UUID `json:"project"`
	Instance     uuid.UUID `json:"instance"`
	PlanRevision uuid.UUID `json:"planRevision"`
	PriceList    uuid.UUID `json:"priceList"`
	ServiceLevel string    `json:"serviceLevel,omitempty"`
	Item         string    `json:"item"`
	Of           string    `json:"of,omitempty"`   // the item that a minimum is for
	Tier         int       `json:"tier,omitempty"` // from 1 on, where the price has some
	// Agreement is what a discount is by; there is nothing else then but the item.
	Agreement uuid.UUID `json:"agreement,omitzero"`
}

// Tax is the tax of all that is taxed alike.
type Tax struct {
	Category tax.Category `json:"category"`
	Percent  money.Amount `json:"percent"`
	Net      money.Amount `json:"net"`
	Tax      money.Amount `json:"tax"`
	Reason   string       `json:"reason,omitempty"`
	Code     string       `json:"code,omitempty"`
}

// Totals add the document up.
type Totals struct {
	Net   money.Amount `json:"net"`
	Tax   money.Amount `json:"tax"`
	Gross money.Amount `json:"gross"`
	// Prepaid is what was paid before, such as by a credit; Payable is what is left, and
	// never below zero: more credits than charges become the customer's credit balance,
	// and Prepaid is what goes there, with a minus.
	Prepaid money.Amount `json:"prepaid"`
	Payable money.Amount `json:"payable"`
}

// Add fills in taxes and totals from the lines; treatment is how all of them are taxed.
func (d *Document) Add(treatment tax.Treatment) {
	d.AddEach(func(*Line) tax.Treatment { return treatment })
}

// AddEach is Add where lines may be taxed otherwise than others.
func (d *Document) AddEach(treat func(*Line) tax.Treatment) {
	digits := money.Digits(d.Currency)
	bases := make([]tax.Base, len(d.Lines))
	for i := range d.Lines {
		treatment := treat(&d.Lines[i])
		d.Lines[i].Category, d.Lines[i].Percent = treatment.Category, treatment.Percent
		bases[i] = tax.Base{Net: d.Lines[i].Net, Treatment: treatment}
	}
	d.Taxes, d.Totals.Net, d.Totals.Tax = nil, money.Amount{}, money.Amount{}
	for _, s := range tax.Sum(bases, digits) {
		d.Taxes = append(d.Taxes, Tax{s.Category, s.Percent, s.Net, s.Tax, s.Reason, s.Code})
		d.Totals.Net, d.Totals.Tax = d.Totals.Net.Add(s.Net), d.Totals.Tax.Add(s.Tax)
	}
	d.Totals.Gross = d.Totals.Net.Add(d.Totals.Tax)
	if d.Kind == KindInvoice && d.Totals.Gross.Cmp(money.Amount{}) < 0 {
		d.Totals.Prepaid = d.Totals.Gross
	}
	d.Totals.Payable = d.Totals.Gross.Sub(d.Totals.Prepaid)
}

// Rule is a rule of EN 16931-1 that a document breaks.
type Rule struct{ ID, Text string }

func (r Rule) Error() string { return r.ID + ": " + r.Text }

// Check says which rules of EN 16931-1 the document breaks: those of calculation, and
// those of what has to be there.
func (d *Document) Check() []Rule {
	var broken []Rule
	must := func(ok bool, id, text string, args ...any) {
		if !ok {
			broken = append(broken, Rule{id, fmt.Sprintf(text, args...)})
		}
	}
	d.checkParts(must)
	d.checkSums(must)
	return broken
}

func (d *Document) checkParts(must func(bool, string, string, ...any)) {
	must(d.Number != "", "BR-02", "it has no number")
	must(d.Issued != "", "BR-03", "it has no day of issue")
	must(d.Currency != "", "BR-05", "it has no currency")
	must(d.Issuer.Name != "", "BR-06", "its issuer has no name")
	must(d.Customer.Name != "", "BR-07", "its customer has no name")
	must(d.Issuer.Country != "", "BR-09", "its issuer has no country")
	must(d.Customer.Country != "", "BR-11", "its customer has no country")
	must(len(d.Lines) > 0, "BR-16", "it has no line")
	must(d.Issuer.VATID != "", "BR-S-02", "its issuer has no VAT number")
	must(d.Due != "" || d.Kind == KindCreditNote, "BR-CO-25", "it has no day by which it is due")
	must(d.Period.From <= d.Period.To, "BR-29", "its period ends before it begins")
	must((d.Kind == KindCreditNote) == (d.Corrects != nil), "BR-55", "a credit note, and nothing else, names what it corrects")
	for _, l := range d.Lines {
		must(l.Text != "", "BR-25", "line %d has no text", l.ID)
		must(l.Price.Cmp(money.Amount{}) >= 0, "BR-27", "line %d has a negative price", l.ID)
		must(l.Period.From <= l.Period.To, "BR-30", "the period of line %d ends before it begins", l.ID)
		must(l.Category != tax.ReverseCharge || d.Customer.VATID != "", "BR-AE-02", "line %d is of reverse charge, and the customer has no VAT number", l.ID)
	}
}

func (d *Document) checkSums(must func(bool, string, string, ...any)) {
	digits := money.Digits(d.Currency)
	var lines, taxes money.Amount
	type kind struct {
		category tax.Category
		percent  string
	}
	nets := map[kind]money.Amount{}
	for _, l := range d.Lines {
		must(l.Net.Round(digits).Cmp(l.Net) == 0, "BR-DEC-23", "line %d is not rounded", l.ID)
		lines = lines.Add(l.Net)
		k := kind{l.Category, l.Percent.String()}
		nets[k] = nets[k].Add(l.Net)
	}
	for _, t := range d.Taxes {
		k := kind{t.Category, t.Percent.String()}
		must(nets[k].Cmp(t.Net) == 0, "BR-S-08", "the sum of category %s is %s and not %s", t.Category, nets[k], t.Net)
		must(t.Net.Percent(t.Percent, digits).Cmp(t.Tax) == 0, "BR-CO-17", "the tax of category %s is not %s %% of %s", t.Category, t.Percent, t.Net)
		must(t.Category == tax.Standard || (t.Percent.IsZero() && t.Tax.IsZero() && t.Reason != ""), "BR-AE-09", "category %s is taxed, or does not say why not", t.Category)
		taxes = taxes.Add(t.Tax)
		delete(nets, k)
	}
	must(len(nets) == 0, "BR-CO-18", "a category of its lines is missing among its taxes")
	must(lines.Cmp(d.Totals.Net) == 0, "BR-CO-10", "its lines add up to %s and not to %s", lines, d.Totals.Net)
	must(taxes.Cmp(d.Totals.Tax) == 0, "BR-CO-14", "its taxes add up to %s and not to %s", taxes, d.Totals.Tax)
	must(d.Totals.Net.Add(d.Totals.Tax).Cmp(d.Totals.Gross) == 0, "BR-CO-15", "what is to be paid is not the sum of what is without tax and the tax")
	must(d.Totals.Gross.Sub(d.Totals.Prepaid).Cmp(d.Totals.Payable) == 0, "BR-CO-16", "what is payable is not what is left of the sum")
}
