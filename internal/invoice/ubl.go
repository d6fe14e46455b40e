package invoice

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"souk/internal/money"
	"souk/internal/tax"
)

// UBL writes the document as UBL 2.1 in the syntax of EN 16931 (CEN/TS 16931-3-2). The
// same document gives the same bytes. It fails on a document that breaks the norm's
// rules, naming the first of them.
func (d *Document) UBL() ([]byte, error) {
	if broken := d.Check(); len(broken) > 0 {
		return nil, broken[0]
	}
	var root any
	if d.Kind == KindCreditNote {
		root = d.ublCreditNote()
	} else {
		root = d.ublInvoice()
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

const (
	cac = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
	cbc = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
)

type ublInvoice struct {
	XMLName       xml.Name         `xml:"Invoice"`
	Space         string           `xml:"xmlns,attr"`
	CAC           string           `xml:"xmlns:cac,attr"`
	CBC           string           `xml:"xmlns:cbc,attr"`
	Customization string           `xml:"cbc:CustomizationID"`
	ID            string           `xml:"cbc:ID"`
	Issued        string           `xml:"cbc:IssueDate"`
	Due           string           `xml:"cbc:DueDate"`
	Type          string           `xml:"cbc:InvoiceTypeCode"`
	Currency      string           `xml:"cbc:DocumentCurrencyCode"`
	Buyer         string           `xml:"cbc:BuyerReference,omitempty"`
	Period        ublPeriod        `xml:"cac:InvoicePeriod"`
	Evidence      []ublEvidence    `xml:"cac:AdditionalDocumentReference"`
	Supplier      ublParty         `xml:"cac:AccountingSupplierParty>cac:Party"`
	Customer      ublParty         `xml:"cac:AccountingCustomerParty>cac:Party"`
	Means         ublMeans         `xml:"cac:PaymentMeans"`
	Tax           ublTaxTotal      `xml:"cac:TaxTotal"`
	Total         ublTotal         `xml:"cac:LegalMonetaryTotal"`
	Lines         []ublInvoiceLine `xml:"cac:InvoiceLine"`
}

type ublCreditNote struct {
	XMLName       xml.Name        `xml:"CreditNote"`
	Space         string          `xml:"xmlns,attr"`
	CAC           string          `xml:"xmlns:cac,attr"`
	CBC           string          `xml:"xmlns:cbc,attr"`
	Customization string          `xml:"cbc:CustomizationID"`
	ID            string          `xml:"cbc:ID"`
	Issued        string          `xml:"cbc:IssueDate"`
	Type          string          `xml:"cbc:CreditNoteTypeCode"`
	Currency      string          `xml:"cbc:DocumentCurrencyCode"`
	Buyer         string          `xml:"cbc:BuyerReference,omitempty"`
	Period        ublPeriod       `xml:"cac:InvoicePeriod"`
	Corrects      ublReference    `xml:"cac:BillingReference>cac:InvoiceDocumentReference"`
	Evidence      []ublEvidence   `xml:"cac:AdditionalDocumentReference"`
	Supplier      ublParty        `xml:"cac:AccountingSupplierParty>cac:Party"`
	Customer      ublParty        `xml:"cac:AccountingCustomerParty>cac:Party"`
	Terms         string          `xml:"cac:PaymentTerms>cbc:Note"` // it has no day by which it is due (BR-CO-25)
	Tax           ublTaxTotal     `xml:"cac:TaxTotal"`
	Total         ublTotal        `xml:"cac:LegalMonetaryTotal"`
	Lines         []ublCreditLine `xml:"cac:CreditNoteLine"`
}

type ublReference struct {
	ID     string `xml:"cbc:ID"`
	Issued string `xml:"cbc:IssueDate"`
}

// ublEvidence names an SLA report that lines are given back by.
type ublEvidence struct {
	ID          string `xml:"cbc:ID"`
	Description string `xml:"cbc:DocumentDescription"`
}

type ublPeriod struct {
	From string `xml:"cbc:StartDate"`
	To   string `xml:"cbc:EndDate"`
}

type ublParty struct {
	Name    string      `xml:"cac:PartyName>cbc:Name"`
	Address ublAddress  `xml:"cac:PostalAddress"`
	Tax     *ublCompany `xml:"cac:PartyTaxScheme,omitempty"`
	Legal   string      `xml:"cac:PartyLegalEntity>cbc:RegistrationName"`
	Email   *string     `xml:"cac:Contact>cbc:ElectronicMail,omitempty"`
}

type ublAddress struct {
	Street  string `xml:"cbc:StreetName,omitempty"`
	Town    string `xml:"cbc:CityName"`
	Postal  string `xml:"cbc:PostalZone"`
	Country string `xml:"cac:Country>cbc:IdentificationCode"`
}

type ublCompany struct {
	ID     string `xml:"cbc:CompanyID"`
	Scheme string `xml:"cac:TaxScheme>cbc:ID"`
}

type ublMeans struct {
	Code      string `xml:"cbc:PaymentMeansCode"`
	Reference string `xml:"cbc:PaymentID"`
	IBAN      string `xml:"cac:PayeeFinancialAccount>cbc:ID"`
	Name      string `xml:"cac:PayeeFinancialAccount>cbc:Name"`
}

type ublAmount struct {
	Currency string `xml:"currencyID,attr"`
	Value    string `xml:",chardata"`
}

type ublTaxTotal struct {
	Amount    ublAmount        `xml:"cbc:TaxAmount"`
	Subtotals []ublTaxSubtotal `xml:"cac:TaxSubtotal"`
}

type ublTaxSubtotal struct {
	Net      ublAmount   `xml:"cbc:TaxableAmount"`
	Tax      ublAmount   `xml:"cbc:TaxAmount"`
	Category ublCategory `xml:"cac:TaxCategory"`
}

type ublCategory struct {
	ID      tax.Category `xml:"cbc:ID"`
	Percent string       `xml:"cbc:Percent"`
	Code    string       `xml:"cbc:TaxExemptionReasonCode,omitempty"`
	Reason  string       `xml:"cbc:TaxExemptionReason,omitempty"`
	Scheme  string       `xml:"cac:TaxScheme>cbc:ID"`
}

type ublTotal struct {
	Lines   ublAmount `xml:"cbc:LineExtensionAmount"`
	Net     ublAmount `xml:"cbc:TaxExclusiveAmount"`
	Gross   ublAmount `xml:"cbc:TaxInclusiveAmount"`
	Prepaid ublAmount `xml:"cbc:PrepaidAmount"`
	Payable ublAmount `xml:"cbc:PayableAmount"`
}

type ublQuantity struct {
	Unit  string `xml:"unitCode,attr"`
	Value string `xml:",chardata"`
}

type ublInvoiceLine struct {
	ID       int         `xml:"cbc:ID"`
	Quantity ublQuantity `xml:"cbc:InvoicedQuantity"`
	ublLine
}

type ublCreditLine struct {
	ID       int         `xml:"cbc:ID"`
	Quantity ublQuantity `xml:"cbc:CreditedQuantity"`
	ublLine
}

type ublLine struct {
	Net        ublAmount `xml:"cbc:LineExtensionAmount"`
	CostCentre string    `xml:"cbc:AccountingCost,omitempty"`
	Period     ublPeriod `xml:"cac:InvoicePeriod"`
	Item       ublItem   `xml:"cac:Item"`
	Price      ublAmount `xml:"cac:Price>cbc:PriceAmount"`
}

type ublItem struct {
	Name     string      `xml:"cbc:Name"`
	Category ublCategory `xml:"cac:ClassifiedTaxCategory"`
}

// The codes of EN 16931: 380 is an invoice and 381 a credit note (UNTDID 1001), 30 a
// credit transfer (UNTDID 4461).
func (d *Document) ublInvoice() ublInvoice {
	u := ublInvoice{
		Space: "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", CAC: cac, CBC: cbc, Customization: "urn:cen.eu:en16931:2017",
		ID: d.Number, Issued: d.Issued, Due: d.Due, Type: "380", Currency: d.Currency, Buyer: d.Customer.Reference, Period: ublPeriod(d.Period), Evidence: d.ublEvidence(),
		Supplier: d.Issuer.ubl(), Customer: d.Customer.ubl(), Means: ublMeans{"30", d.Reference, d.IBAN, d.Issuer.Name},
		Tax: d.ublTax(), Total: d.ublTotal(),
	}
	for _, l := range d.Lines {
		u.Lines = append(u.Lines, ublInvoiceLine{l.ID, l.ublQuantity(), l.ubl(d.Currency)})
	}
	return u
}

func (d *Document) ublCreditNote() ublCreditNote {
	u := ublCreditNote{
		Space: "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2", CAC: cac, CBC: cbc, Customization: "urn:cen.eu:en16931:2017",
		ID: d.Number, Issued: d.Issued, Type: "381", Currency: d.Currency, Buyer: d.Customer.Reference, Period: ublPeriod(d.Period), Corrects: ublReference{d.Corrects.Number, d.Corrects.Issued}, Evidence: d.ublEvidence(),
		Supplier: d.Issuer.ubl(), Customer: d.Customer.ubl(), Terms: "Credited against invoice " + d.Corrects.Number + ".", Tax: d.ublTax(), Total: d.ublTotal(),
	}
	for _, l := range d.Lines {
		u.Lines = append(u.Lines, ublCreditLine{l.ID, l.ublQuantity(), l.ubl(d.Currency)})
	}
	return u
}

func (d *Document) ublEvidence() (all []ublEvidence) {
	for _, e := range d.evidence() {
		all = append(all, ublEvidence{e.Report.String(), "SLA report " + e.Month + ", as recorded until " + e.Watermark + ", SHA-256 " + e.SHA256})
	}
	return all
}

func (p Party) ubl() ublParty {
	u := ublParty{Name: p.Name, Legal: p.Name, Address: ublAddress{p.streetLine(), p.Town, p.PostalCode, p.Country}}
	if p.VATID != "" {
		u.Tax = &ublCompany{p.VATID, "VAT"}
	}
	if p.Email != "" {
		u.Email = &p.Email
	}
	return u
}

func (p Party) streetLine() string {
	if p.Building == "" {
		return p.Street
	}
	return p.Street + " " + p.Building
}

func (d *Document) amount(a money.Amount) ublAmount {
	return ublAmount{d.Currency, a.Fixed(money.Digits(d.Currency))}
}

func (d *Document) ublTax() ublTaxTotal {
	u := ublTaxTotal{Amount: d.amount(d.Totals.Tax)}
	for _, t := range d.Taxes {
		u.Subtotals = append(u.Subtotals, ublTaxSubtotal{d.amount(t.Net), d.amount(t.Tax), ublCategory{t.Category, t.Percent.String(), t.Code, t.Reason, "VAT"}})
	}
	return u
}

func (d *Document) ublTotal() ublTotal {
	t := d.Totals
	return ublTotal{d.amount(t.Net), d.amount(t.Net), d.amount(t.Gross), d.amount(t.Prepaid), d.amount(t.Payable)}
}

// unitCodes are those of UN/ECE recommendation 20 (Codes for Units of Measure Used in
// International Trade, annex III), which EN 16931 has units taken from (BR-CL-23). It has
// none for what is kept over a time, such as GiB-month: of such a unit it is "one", and
// the text names it.
var unitCodes = map[string]string{
	"hour":     "HUR", // hour
	"month":    "MON", // month
	"GB":       "E34", // gigabyte, 10⁹ bytes
	"GiB":      "E62", // gibibyte, 2³⁰ bytes
	"one":      "C62", // one
	"once":     "C62", // one
	"each":     "C62", // one
	"thousand": "MIL", // thousand
	"million":  "MIO", // million
}

func (l Line) ublQuantity() ublQuantity {
	code, known := unitCodes[l.Unit]
	if !known {
		code = "C62"
	}
	return ublQuantity{code, l.Quantity}
}

func (l Line) ubl(currency string) ublLine {
	text := l.Text
	if _, known := unitCodes[l.Unit]; !known {
		text = fmt.Sprintf("%s (%s)", l.Text, l.Unit)
	}
	return ublLine{
		Net: ublAmount{currency, l.Net.Fixed(money.Digits(currency))}, CostCentre: l.CostCentre, Period: ublPeriod(l.Period),
		Item:  ublItem{text, ublCategory{ID: l.Category, Percent: l.Percent.String(), Scheme: "VAT"}},
		Price: ublAmount{currency, l.Price.String()},
	}
}
