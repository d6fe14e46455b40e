// Package qrbill makes the payment part of Swiss bills: what its QR code says and how
// the code looks, by the Swiss Implementation Guidelines for the QR-bill, version 2.3
// (structured addresses only), with a creditor reference (ISO 11649).
package qrbill

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/boombuler/barcode/qr"

	"souk/internal/money"
)

// Address is a structured one (type "S").
type Address struct {
	Name       string // at most 70 letters
	Street     string // at most 70
	Building   string // at most 16
	PostalCode string // at most 16
	Town       string // at most 35
	Country    string // ISO 3166-1 alpha-2
}

// Bill is what is to be paid.
type Bill struct {
	IBAN      string // of an account in Switzerland or Liechtenstein, without spaces
	Creditor  Address
	Amount    money.Amount // 0.01 to 999999999.99
	Currency  string       // CHF or EUR
	Debtor    Address
	Reference string // a creditor reference
	Message   string // at most 140 letters
}

// Error names the field that the code cannot hold.
type Error struct{ Field, Reason string }

func (e *Error) Error() string { return e.Field + ": " + e.Reason }

var (
	highest = money.MustParse("999999999.99")
	lowest  = money.MustParse("0.01")
	country = regexp.MustCompile(`^[A-Z]{2}$`)
)

// mostBytes is how much a code holds: of version 25 and level M.
const mostBytes = 997

// Payload returns what the code says, or an *Error that names what it cannot hold.
func (b Bill) Payload() (string, error) {
	if err := b.check(); err != nil {
		return "", err
	}
	lines := []string{"SPC", "0200", "1", b.IBAN}
	lines = append(lines, b.Creditor.lines()...)
	lines = append(lines, make([]string, 7)...) // an ultimate creditor: for later use, always empty
	lines = append(lines, b.Amount.Fixed(2), b.Currency)
	lines = append(lines, b.Debtor.lines()...)
	lines = append(lines, "SCOR", b.Reference, b.Message, "EPD")
	text := strings.Join(lines, "\n")
	if len(text) > mostBytes {
		return "", &Error{"message", fmt.Sprintf("the code holds %d bytes and would need %d", mostBytes, len(text))}
	}
	return text, nil
}

func (a Address) lines() []string {
	return []string{"S", a.Name, a.Street, a.Building, a.PostalCode, a.Town, a.Country}
}

func (b Bill) check() error {
	if !CheckIBAN(b.IBAN) || (b.IBAN[:2] != "CH" && b.IBAN[:2] != "LI") {
		return &Error{"iban", "it is no account number of Switzerland or Liechtenstein"}
	}
	if id := b.IBAN[4:9]; id >= "30000" && id <= "31999" {
		return &Error{"iban", "it is a QR-IBAN, which cannot have a creditor reference"}
	}
	if b.Currency != "CHF" && b.Currency != "EUR" {
		return &Error{"currency", "it is neither CHF nor EUR"}
	}
	if b.Amount.Cmp(lowest) < 0 || b.Amount.Cmp(highest) > 0 || b.Amount.Round(2).Cmp(b.Amount) != 0 {
		return &Error{"amount", "it is not from 0.01 to 999999999.99, to the cent"}
	}
	if !CheckReference(b.Reference) {
		return &Error{"reference", "it is no creditor reference"}
	}
	if err := b.Creditor.check("creditor"); err != nil {
		return err
	}
	if err := b.Debtor.check("debtor"); err != nil {
		return err
	}
	return text("message", b.Message, 0, 140)
}

func (a Address) check(field string) error {
	if !country.MatchString(a.Country) {
		return &Error{field + ".country", "it is no code of two letters"}
	}
	return errors.Join(
		text(field+".name", a.Name, 1, 70), text(field+".street", a.Street, 0, 70), text(field+".building", a.Building, 0, 16),
		text(field+".postalCode", a.PostalCode, 1, 16), text(field+".town", a.Town, 1, 35))
}

// text checks one element: its length, and that it keeps to one line of letters that
// banks know.
func text(field, s string, least, most int) error {
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		return &Error{field, "it is missing"}
	case n > most:
		return &Error{field, fmt.Sprintf("it is longer than %d letters", most)}
	}
	for _, r := range s {
		if !allowed(r) {
			return &Error{field, fmt.Sprintf("it has %q, which a bill cannot have", r)}
		}
	}
	return nil
}

// allowed says whether a bill may have the letter: Basic Latin, Latin-1 Supplement and
// Latin Extended-A without control characters, and five more (guidelines, 4.1.1).
func allowed(r rune) bool {
	return r >= 0x20 && r <= 0x7e || r >= 0xa0 && r <= 0x17f || strings.ContainsRune("ȘșȚț€", r)
}

// Code is a square of dark and light modules.
type Code struct {
	Size int // modules a side
	dark []bool
}

// Dark says whether a module is dark.
func (c Code) Dark(x, y int) bool { return c.dark[y*c.Size+x] }

// The printed size of the code and of the Swiss cross in its middle, in millimetres.
const (
	CodeMillimetres  = 46.0
	CrossMillimetres = 7.0
)

// Code returns the code, without the Swiss cross that is printed over its middle.
func (b Bill) Code() (Code, error) {
	payload, err := b.Payload()
	if err != nil {
		return Code{}, err
	}
	encoded, err := qr.Encode(payload, qr.M, qr.Unicode)
	if err != nil {
		return Code{}, err
	}
	size := encoded.Bounds().Dx()
	c := Code{Size: size, dark: make([]bool, size*size)}
	for y := range size {
		for x := range size {
			r, _, _, _ := encoded.At(x, y).RGBA()
			c.dark[y*size+x] = r == 0
		}
	}
	return c, nil
}
