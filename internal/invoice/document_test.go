package invoice

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"souk/internal/money"
	"souk/internal/tax"
)

var update = flag.Bool("update", false, "write the files that documents are compared with")

func amount(text string) money.Amount { return money.MustParse(text) }

// example is an invoice of three lines, of which one is a discount.
func example(t testing.TB, treatment tax.Treatment) *Document {
	t.Helper()
	november := Period{"2026-11-01", "2026-11-30"}
	d := &Document{
		Kind: KindInvoice, Number: "2026-000012", Issued: "2026-12-04", Due: "2027-01-03", Period: november, Currency: "CHF", Reference: "RF18539007547034",
		Issuer:   Party{Name: "Souk AG", Street: "Bahnhofstrasse", Building: "1", PostalCode: "8001", Town: "Zürich", Country: "CH", VATID: "CHE-109.322.551 MWST"},
		IBAN:     "CH9300762011623852957",
		Customer: Party{Name: "Acme & Söhne GmbH", Street: "Hauptstr. 5", PostalCode: "10115", Town: "Berlin", Country: "DE", VATID: "DE123456789", Email: "billing@acme.example"},
		Lines: []Line{
			{ID: 1, Text: "db1: PostgreSQL small, compute", Project: "shop", CostCentre: "4711", Instance: "db1", Service: "postgresql", Plan: "small", Item: "compute", Period: november, Quantity: "720.000000", Unit: "hour", Price: amount("0.02"), Net: amount("14.40")},
			{ID: 2, Text: "db1: PostgreSQL small, storage", Project: "shop", CostCentre: "4711", Instance: "db1", Service: "postgresql", Plan: "small", Item: "storage", Period: november, Quantity: "10.000000", Unit: "GiB-month", Price: amount("0.20"), Net: amount("2.00")},
			{ID: 3, Text: "10 % on compute", Item: "discount", Period: november, Quantity: "-1.000000", Unit: "one", Price: amount("1.44"), Net: amount("-1.44")},
		},
		Rules: "1", Watermark: "2026-12-04T01:00:00Z",
	}
	d.Add(treatment)
	return d
}

func treated(t testing.TB, customer Party) tax.Treatment {
	t.Helper()
	treatment, err := tax.Treat(tax.Party{Country: "CH", VATID: "CHE-109.322.551 MWST"}, tax.Party{Country: customer.Country, VATID: customer.VATID}, "2026-11-30")
	if err != nil {
		t.Fatal(err)
	}
	return treatment
}

func swiss(t testing.TB) *Document { return example(t, treated(t, Party{Country: "CH"})) }

func abroad(t testing.TB) *Document {
	return example(t, treated(t, Party{Country: "DE", VATID: "DE123456789"}))
}

func creditNote(t testing.TB) *Document {
	d := swiss(t)
	d.Kind, d.Number, d.Corrects = KindCreditNote, "2026-000013", &Reference{"2026-000012", "2026-12-04"}
	d.Lines = d.Lines[:1]
	d.Lines[0].Of = 1
	d.Add(treated(t, Party{Country: "CH"}))
	return d
}

func TestAddsUp(t *testing.T) {
	for name, c := range map[string]struct {
		of              *Document
		net, tax, gross string
	}{
		"at home":       {swiss(t), "14.96", "1.21", "16.17"},
		"abroad":        {abroad(t), "14.96", "0.00", "14.96"},
		"a credit note": {creditNote(t), "14.40", "1.17", "15.57"},
	} {
		if broken := c.of.Check(); len(broken) > 0 {
			t.Errorf("%s: %v", name, broken)
		}
		if s := c.of.Totals; s.Net.String() != c.net || s.Tax.String() != c.tax || s.Gross.String() != c.gross || s.Payable.String() != c.gross {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Each rule sees what breaks it, and refuses the document.
func TestRules(t *testing.T) {
	for rule, spoil := range map[string]func(*Document){
		"BR-02":     func(d *Document) { d.Number = "" },
		"BR-03":     func(d *Document) { d.Issued = "" },
		"BR-05":     func(d *Document) { d.Currency = "" },
		"BR-06":     func(d *Document) { d.Issuer.Name = "" },
		"BR-07":     func(d *Document) { d.Customer.Name = "" },
		"BR-09":     func(d *Document) { d.Issuer.Country = "" },
		"BR-11":     func(d *Document) { d.Customer.Country = "" },
		"BR-16":     func(d *Document) { d.Lines = nil },
		"BR-25":     func(d *Document) { d.Lines[1].Text = "" },
		"BR-27":     func(d *Document) { d.Lines[2].Price = amount("-1.44") },
		"BR-29":     func(d *Document) { d.Period.To = "2026-10-31" },
		"BR-30":     func(d *Document) { d.Lines[0].Period.To = "2026-10-31" },
		"BR-55":     func(d *Document) { d.Kind = KindCreditNote },
		"BR-S-02":   func(d *Document) { d.Issuer.VATID = "" },
		"BR-S-08":   func(d *Document) { d.Taxes[0].Net = amount("14.95") },
		"BR-AE-02":  func(d *Document) { *d = *abroad(t); d.Customer.VATID = "" },
		"BR-AE-09":  func(d *Document) { *d = *abroad(t); d.Taxes[0].Reason = "" },
		"BR-CO-10":  func(d *Document) { d.Lines[0].Net = amount("14.41") },
		"BR-CO-14":  func(d *Document) { d.Totals.Tax = amount("1.20") },
		"BR-CO-15":  func(d *Document) { d.Totals.Gross = amount("16.18") },
		"BR-CO-16":  func(d *Document) { d.Totals.Payable = amount("16.16") },
		"BR-CO-17":  func(d *Document) { d.Taxes[0].Tax = amount("1.20") },
		"BR-CO-18":  func(d *Document) { d.Taxes = nil },
		"BR-CO-25":  func(d *Document) { d.Due = "" },
		"BR-DEC-23": func(d *Document) { d.Lines[0].Net = amount("14.401") },
	} {
		d := swiss(t)
		spoil(d)
		broken := d.Check()
		if !slices.ContainsFunc(broken, func(r Rule) bool { return r.ID == rule }) {
			t.Errorf("%s is not seen: %v", rule, broken)
		}
		var refused Rule
		if _, err := d.UBL(); !errors.As(err, &refused) {
			t.Errorf("%s: written all the same: %v", rule, err)
		}
	}
}

// Quantities carry the code of their unit, and the text names a unit that has none.
func TestUnitsInUBL(t *testing.T) {
	for unit, want := range map[string]string{"hour": "HUR", "month": "MON", "GB": "E34", "GiB": "E62", "thousand": "MIL", "million": "MIO", "each": "C62", "once": "C62", "one": "C62",
		"GiB-month": "C62 db1 (GiB-month)", "GiB-hour": "C62 db1 (GiB-hour)"} {
		l := Line{Text: "db1", Unit: unit, Quantity: "1"}
		code, text, _ := strings.Cut(want, " ")
		if got := l.ublQuantity().Unit; got != code {
			t.Errorf("%s has the code %s, not %s", unit, got, code)
		}
		if got := l.ubl("CHF").Item.Name; got != cmp.Or(text, "db1") {
			t.Errorf("%s: %s", unit, got)
		}
	}
}

func TestUBL(t *testing.T) {
	for file, d := range map[string]*Document{"invoice.xml": swiss(t), "reverse-charge.xml": abroad(t), "credit-note.xml": creditNote(t)} {
		got, err := d.UBL()
		if err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(strings.NewReader(string(got))); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		if *update {
			if err := os.WriteFile("testdata/"+file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile("testdata/" + file); err != nil || string(want) != string(got) {
			t.Errorf("%s differs: %v\n%s", file, err, got)
		}
	}
}

// What is stored is the document, whole.
func TestStoredForm(t *testing.T) {
	for _, d := range []*Document{swiss(t), abroad(t), creditNote(t)} {
		stored, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var read Document
		if err := json.Unmarshal(stored, &read); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(&read)
		if err != nil || string(again) != string(stored) {
			t.Errorf("%v\n%s\n%s", err, stored, again)
		}
		if read.Totals.Gross.Cmp(d.Totals.Gross) != 0 || !reflect.DeepEqual(read.Customer, d.Customer) {
			t.Errorf("%+v", read)
		}
	}
}
