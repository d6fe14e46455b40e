package account

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/qrbill"
	"souk/internal/tax"
)

// form collects what is wrong with fields of a request's body.
type form struct{ problem.Complaints }

func (f *form) refuse(field string, value any, format string, args ...any) {
	f.Unless(false, "body."+field, value, format, args...)
}

// text trims a field, and refuses what does not fit on a line.
func (f *form) text(field string, value *string, required bool) {
	*value = strings.TrimSpace(*value)
	switch {
	case *value == "" && required:
		f.refuse(field, *value, "must be given: it stands on invoices")
	case strings.ContainsFunc(*value, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		f.refuse(field, *value, "must be one line of text")
	}
}

// postalCodes are how countries write them; of others any is taken.
var postalCodes = map[string]struct {
	is      *regexp.Regexp
	example string
}{
	"CH": {regexp.MustCompile(`^[1-9]\d{3}$`), "8001"}, "LI": {regexp.MustCompile(`^94[89]\d$`), "9490"}, "AT": {regexp.MustCompile(`^\d{4}$`), "1010"},
	"DE": {regexp.MustCompile(`^\d{5}$`), "10115"}, "FR": {regexp.MustCompile(`^\d{5}$`), "75001"}, "IT": {regexp.MustCompile(`^\d{5}$`), "00118"},
}

var anyPostalCode = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z -]{0,15}$`)

// place checks the country and its postal code.
func (f *form) place(country, postalCode *string) {
	*country = strings.ToUpper(strings.TrimSpace(*country))
	f.text("postalCode", postalCode, true)
	region, err := language.ParseRegion(*country)
	if err != nil || len(*country) != 2 || !region.IsCountry() || region.String() != *country {
		f.refuse("country", *country, "must be the two letters of a country, such as CH")
		return
	}
	rule, known := postalCodes[*country]
	switch {
	case *postalCode == "":
	case known && !rule.is.MatchString(*postalCode):
		f.refuse("postalCode", *postalCode, "is none of %s: they look like %s", *country, rule.example)
	case !anyPostalCode.MatchString(*postalCode):
		f.refuse("postalCode", *postalCode, "has letters, digits, spaces and hyphens only")
	}
}

func (f *form) vatID(country string, value *string, required bool) {
	normal, err := tax.NormalVATID(country, *value)
	switch {
	case err != nil:
		f.refuse("vatId", *value, "%s", err)
	case normal == "" && required:
		f.refuse("vatId", *value, "must be given: it stands on invoices")
	default:
		*value = normal
	}
}

func (f *form) email(value *string) {
	if *value = strings.TrimSpace(*value); *value == "" {
		return
	}
	if err := mail.CheckAddress("body.email", *value); err != nil {
		f.Complaints = append(f.Complaints, problem.As(err).Fields...)
	}
}

var bics = regexp.MustCompile(`^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$`)

func (f *form) bank(iban, bic *string) {
	*iban = strings.ToUpper(strings.ReplaceAll(*iban, " ", ""))
	if !qrbill.CheckIBAN(*iban) {
		f.refuse("iban", *iban, "is not an IBAN: its check digits are wrong, or some are missing")
	}
	if *bic = strings.ToUpper(strings.TrimSpace(*bic)); *bic != "" && !bics.MatchString(*bic) {
		f.refuse("bic", *bic, "must have 8 or 11 letters and digits")
	}
}

func (f *form) month(field, value string) {
	if _, err := time.Parse("2006-01", value); err != nil {
		f.refuse(field, value, "must be a month such as 2026-11")
	}
}
