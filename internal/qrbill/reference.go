package qrbill

import (
	"fmt"
	"regexp"
	"strings"
)

// CreditorReference makes a structured creditor reference (ISO 11649) of up to 21
// letters and digits: "RF", two check digits, and what was given.
func CreditorReference(of string) (string, error) {
	of = strings.ToUpper(of)
	if !referenceOf.MatchString(of) {
		return "", fmt.Errorf("a creditor reference is made of 1 to 21 letters and digits")
	}
	return fmt.Sprintf("RF%02d%s", 98-mod97(of+"RF00"), of), nil
}

// CheckReference says whether a text, without spaces, is a structured creditor
// reference with the right check digits.
func CheckReference(ref string) bool {
	return len(ref) > 4 && strings.HasPrefix(ref, "RF") && referenceOf.MatchString(ref[4:]) && mod97(ref[4:]+ref[:4]) == 1
}

// CheckIBAN says whether a text, without spaces, is an account number with the right
// check digits (ISO 13616).
func CheckIBAN(iban string) bool {
	return ibanForm.MatchString(iban) && mod97(iban[4:]+iban[:4]) == 1
}

// Grouped writes a reference or an account number in groups of four.
func Grouped(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

var (
	referenceOf = regexp.MustCompile(`^[0-9A-Z]{1,21}$`)
	ibanForm    = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$`)
)

// mod97 is ISO/IEC 7064 MOD 97-10: letters count as 10 to 35.
func mod97(text string) int {
	rest := 0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return -1
		}
	}
	return rest
}
