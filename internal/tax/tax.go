// Package tax says which value added tax a supply of electronic services between
// businesses bears, and adds it up. It is pure: the parties, the day and the amounts
// decide, and nothing is looked up.
//
// Sources: Swiss VAT Act (SR 641.20) Art. 8, 23 and 25; Directive 2006/112/EC Art. 44
// and 196; categories and codes of EN 16931-1 (UNCL 5305 and the VATEX list).
package tax

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"souk/internal/money"
)

// Category is a tax category as EN 16931 writes it (UNCL 5305).
type Category string

// The categories.
const (
	Standard      Category = "S"
	ReverseCharge Category = "AE" // the recipient owes the tax
	Export        Category = "G"  // supplied abroad, beyond the EU
)

// Treatment is how a supply is taxed.
type Treatment struct {
	Category Category
	Percent  money.Amount // 8.1 is 8.1 %
	// Reason says why no tax is charged, and Code is its VATEX code; "" where it is.
	Reason, Code string
}

// Party is one side of a supply.
type Party struct {
	Country string // ISO 3166-1 alpha-2
	VATID   string // as NormalVATID writes it, or ""
}

// Day is a calendar day, "2026-11-22", on which the supply was made.
type Day = string

// ErrNoVATID says that a customer in the European Union has no VAT number: the tax
// would be owed in the customer's country, which Souk does not do.
var ErrNoVATID = errors.New("a customer in the European Union needs a VAT number: without it the tax would be owed in their country")

// ErrNoRate says that no rate is known for the issuer's country and day.
var ErrNoRate = errors.New("no tax rate is known")

// Treat says how a supply by issuer to customer on a day is taxed. It returns
// ErrNoVATID and ErrNoRate.
func Treat(issuer, customer Party, day Day) (Treatment, error) {
	switch from, to := territory(issuer.Country), territory(customer.Country); {
	case from == to:
		percent, known := rate(from, day)
		if !known {
			return Treatment{}, fmt.Errorf("%w for %s on %s", ErrNoRate, issuer.Country, day)
		}
		return Treatment{Category: Standard, Percent: percent}, nil
	case union[to] && customer.VATID == "":
		return Treatment{}, ErrNoVATID
	case union[to]:
		return Treatment{Category: ReverseCharge, Reason: "Reverse charge: the recipient owes the tax (Art. 196 of Directive 2006/112/EC).", Code: "VATEX-EU-AE"}, nil
	}
	return Treatment{Category: Export, Reason: "Supplied abroad: no tax is charged.", Code: "VATEX-EU-G"}, nil
}

// territory is the country whose tax is meant: Liechtenstein belongs to the Swiss
// territory (Art. 3 lit. a of the Swiss VAT Act), Monaco to the French one.
func territory(country string) string {
	switch country {
	case "LI":
		return "CH"
	case "MC":
		return "FR"
	}
	return country
}

// union has the member states of the European Union.
var union = map[string]bool{
	"AT": true, "BE": true, "BG": true, "CY": true, "CZ": true, "DE": true, "DK": true, "EE": true, "ES": true, "FI": true, "FR": true, "GR": true, "HR": true, "HU": true,
	"IE": true, "IT": true, "LT": true, "LU": true, "LV": true, "MT": true, "NL": true, "PL": true, "PT": true, "RO": true, "SE": true, "SI": true, "SK": true,
}

// InUnion says whether the country is a member state of the European Union.
func InUnion(country string) bool { return union[territory(country)] }

// rated is a standard rate and the day from which it holds.
type rated struct {
	from    Day
	percent string
}

// standard rates by country, the newest first.
var standard = map[string][]rated{
	"CH": {{"2024-01-01", "8.1"}, {"2018-01-01", "7.7"}, {"2011-01-01", "8.0"}},
	"DE": {{"2021-01-01", "19"}, {"2020-07-01", "16"}, {"2007-01-01", "19"}},
	"AT": {{"1984-01-01", "20"}},
	"FR": {{"2014-01-01", "20"}},
	"IT": {{"2013-10-01", "22"}},
}

func rate(country string, day Day) (money.Amount, bool) {
	for _, r := range standard[country] {
		if day >= r.from {
			return money.MustParse(r.percent), true
		}
	}
	return money.Amount{}, false
}

// Issuers are the countries that an issuer of invoices can be in.
func Issuers() []string {
	var list []string
	for country := range standard {
		list = append(list, country)
	}
	return append(slices.Sorted(slices.Values(list)), "LI")
}

// Base is an amount without tax, and how it is taxed.
type Base struct {
	Net money.Amount
	Treatment
}

// Subtotal is the tax of one category and rate.
type Subtotal struct {
	Treatment
	Net, Tax money.Amount
}

// Sum adds up what is taxed alike, and rounds the tax of each sum to the digits of the
// currency, once (EN 16931, BR-CO-17). The subtotals are sorted by category and rate.
func Sum(bases []Base, digits int32) []Subtotal {
	var out []Subtotal
	for _, b := range bases {
		i := slices.IndexFunc(out, func(s Subtotal) bool {
			return s.Category == b.Category && s.Percent.Cmp(b.Percent) == 0 && s.Code == b.Code
		})
		if i < 0 {
			out = append(out, Subtotal{Treatment: b.Treatment})
			i = len(out) - 1
		}
		out[i].Net = out[i].Net.Add(b.Net)
	}
	for i, s := range out {
		out[i].Tax = s.Net.Percent(s.Percent, digits)
	}
	slices.SortFunc(out, func(a, b Subtotal) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), a.Percent.Cmp(b.Percent), cmp.Compare(a.Code, b.Code))
	})
	return out
}
