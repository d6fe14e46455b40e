package qrbill

import (
	"errors"
	"image"
	"image/color"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"

	"souk/internal/money"
)

var bill = Bill{
	IBAN:      "CH9300762011623852957",
	Creditor:  Address{"Souk AG", "Bahnhofstrasse", "1", "8001", "Zürich", "CH"},
	Amount:    money.MustParse("1949.7"),
	Currency:  "CHF",
	Debtor:    Address{"Acme Société Anonyme", "Rue du Lac", "12b", "1003", "Lausanne", "CH"},
	Reference: "RF18539007547034",
	Message:   "2026-000012",
}

const payload = `SPC
0200
1
CH9300762011623852957
S
Souk AG
Bahnhofstrasse
1
8001
Zürich
CH







1949.70
CHF
S
Acme Société Anonyme
Rue du Lac
12b
1003
Lausanne
CH
SCOR
RF18539007547034
2026-000012
EPD`

func TestPayload(t *testing.T) {
	got, err := bill.Payload()
	if err != nil || got != payload {
		t.Errorf("%v\n%s", err, got)
	}
}

// A reader sees what the code says, with the Swiss cross over its middle.
func TestCodeIsRead(t *testing.T) {
	code, err := bill.Code()
	if err != nil {
		t.Fatal(err)
	}
	const module = 8
	side := (code.Size + 8) * module
	picture := image.NewGray(image.Rect(0, 0, side, side))
	for i := range picture.Pix {
		picture.Pix[i] = 255
	}
	cross := float64(code.Size) * CrossMillimetres / CodeMillimetres
	for y := range code.Size * module {
		for x := range code.Size * module {
			mx, my := float64(x)/module-float64(code.Size)/2, float64(y)/module-float64(code.Size)/2
			inCross := max(mx, -mx) < cross/2 && max(my, -my) < cross/2
			if inCross || code.Dark(x/module, y/module) {
				picture.SetGray(x+4*module, y+4*module, color.Gray{})
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatal(err)
	}
	if read.GetText() != payload {
		t.Errorf("it reads\n%s", read.GetText())
	}
}

func TestWhatACodeCannotHold(t *testing.T) {
	for want, change := range map[string]func(*Bill){
		"iban: it is no account number":                  func(b *Bill) { b.IBAN = "CH9300762011623852958" },
		"iban: it is no account number of":               func(b *Bill) { b.IBAN = "DE89370400440532013000" },
		"iban: it is a QR-IBAN":                          func(b *Bill) { b.IBAN = "CH4431999123000889012" },
		"currency: it is neither":                        func(b *Bill) { b.Currency = "USD" },
		"amount: it is not from":                         func(b *Bill) { b.Amount = money.MustParse("0") },
		"amount: it is not from 0.01 to 999999999.99":    func(b *Bill) { b.Amount = money.MustParse("0.015") },
		"reference: it is no":                            func(b *Bill) { b.Reference = "RF19539007547034" },
		"creditor.name: it is missing":                   func(b *Bill) { b.Creditor.Name = "" },
		"debtor.name: it is longer than 70":              func(b *Bill) { b.Debtor.Name = strings.Repeat("ä", 71) },
		"debtor.town: it is missing":                     func(b *Bill) { b.Debtor.Town = "" },
		"debtor.country: it is no code":                  func(b *Bill) { b.Debtor.Country = "Schweiz" },
		"debtor.street: it has '\\n'":                    func(b *Bill) { b.Debtor.Street = "a\nb" },
		"creditor.name: it has '你', which a bill cannot": func(b *Bill) { b.Creditor.Name = "你好" },
		"message: it is longer than 140":                 func(b *Bill) { b.Message = strings.Repeat("x", 141) },
	} {
		b := bill
		change(&b)
		_, err := b.Code()
		var refused *Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestCreditorReference(t *testing.T) {
	if ref, err := CreditorReference("539007547034"); err != nil || ref != "RF18539007547034" {
		t.Errorf("%q, %v", ref, err)
	}
	if _, err := CreditorReference("2026-12"); err == nil {
		t.Error("a hyphen is let in")
	}
	if got := Grouped("RF18539007547034"); got != "RF18 5390 0754 7034" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		ref, err := CreditorReference(rapid.StringMatching(`[0-9A-Z]{1,21}`).Draw(t, "of"))
		if err != nil || !CheckReference(ref) {
			t.Fatalf("%q: %v", ref, err)
		}
		at := rapid.IntRange(4, len(ref)-1).Draw(t, "at")
		other := rapid.SampledFrom([]byte("0123456789")).Draw(t, "other")
		if ref[at] >= '0' && ref[at] <= '9' && ref[at] != other && CheckReference(ref[:at]+string(other)+ref[at+1:]) {
			t.Fatalf("%q with another digit is not noticed", ref)
		}
	})
}
