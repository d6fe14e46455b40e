package tax

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	swissUID = regexp.MustCompile(`^CHE(\d{9})(MWST|TVA|IVA)?$`)
	unionID  = regexp.MustCompile(`^[A-Z]{2}[0-9A-Z+*]{2,12}$`)
)

// NormalVATID writes a VAT number of a country as registers do, "CHE-123.456.788 MWST"
// or "DE123456789", or says what is wrong with it. What it does not know it lets pass,
// trimmed: numbers of countries beyond Switzerland and the European Union.
func NormalVATID(country, typed string) (string, error) {
	plain := strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(typed))
	switch {
	case plain == "":
		return "", nil
	case territory(country) == "CH":
		return swissVATID(plain)
	case InUnion(country):
		if prefix := prefixOf(country); !strings.HasPrefix(plain, prefix) || !unionID.MatchString(plain) {
			return "", fmt.Errorf("a VAT number of this country begins with %s, and has 2 to 12 more letters and digits", prefix)
		}
		return plain, nil
	}
	return strings.TrimSpace(typed), nil
}

// prefixOf is the country's in VAT numbers: its code, but for Greece.
func prefixOf(country string) string {
	switch country {
	case "GR":
		return "EL"
	case "MC":
		return "FR"
	}
	return country
}

// swissVATID checks the number of the Swiss register of enterprises, whose last digit
// is a check digit (eCH-0108, modulus 11).
func swissVATID(plain string) (string, error) {
	m := swissUID.FindStringSubmatch(plain)
	if m == nil {
		return "", fmt.Errorf("a Swiss VAT number has the form CHE-123.456.788 MWST")
	}
	digits, sum := m[1], 0
	for i, weight := range []int{5, 4, 3, 2, 7, 6, 5, 4} {
		sum += int(digits[i]-'0') * weight
	}
	if check := (11 - sum%11) % 11; check == 10 || check != int(digits[8]-'0') {
		return "", fmt.Errorf("the check digit of this VAT number does not fit: one of its digits is wrong")
	}
	suffix := m[2]
	if suffix == "" {
		suffix = "MWST"
	}
	return fmt.Sprintf("CHE-%s.%s.%s %s", digits[:3], digits[3:6], digits[6:], suffix), nil
}
