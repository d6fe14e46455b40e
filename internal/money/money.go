// Package money holds exact amounts and the one division that Souk makes with
// them. There is no float in it, and no other package divides money.
package money

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"
)

// Amount is an exact decimal amount in some currency, which stands beside it.
// Its zero value is zero.
type Amount struct{ d decimal.Decimal }

// Parse reads a decimal such as "0.02". It refuses exponents and more than 12
// decimal places.
func Parse(s string) (Amount, error) {
	for _, r := range s {
		if (r < '0' || r > '9') && r != '.' && r != '-' {
			return Amount{}, fmt.Errorf("%q is not a decimal amount", s)
		}
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return Amount{}, fmt.Errorf("%q is not a decimal amount", s)
	}
	if d.Exponent() < -12 {
		return Amount{}, errors.New("an amount has at most 12 decimal places")
	}
	return Amount{d}, nil
}

// MustParse is Parse for constants; it panics on an error.
func MustParse(s string) Amount {
	a, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// Add returns a + b.
func (a Amount) Add(b Amount) Amount { return Amount{a.d.Add(b.d)} }

// Sub returns a − b.
func (a Amount) Sub(b Amount) Amount { return Amount{a.d.Sub(b.d)} }

// Times returns a × n.
func (a Amount) Times(n int64) Amount { return Amount{a.d.Mul(decimal.NewFromInt(n))} }

// Cmp compares: −1, 0 or +1.
func (a Amount) Cmp(b Amount) int { return a.d.Cmp(b.d) }

// IsZero says whether the amount is zero.
func (a Amount) IsZero() bool { return a.d.IsZero() }

// String returns the amount with at least two decimal places and no more than needed.
func (a Amount) String() string {
	if a.d.Exponent() > -2 {
		return a.d.StringFixed(2)
	}
	s := a.d.String()
	if r := a.d.Round(2); r.Equal(a.d) {
		s = a.d.StringFixed(2)
	}
	return s
}

// minorDigits of currencies that do not have two decimal places (ISO 4217).
var minorDigits = map[string]int32{"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "TND": 3}

// Digits returns how many decimal places an invoice in the currency has (ISO 4217).
func Digits(currency string) int32 {
	if n, ok := minorDigits[currency]; ok {
		return n
	}
	return 2
}

// Prorate returns amount × num ÷ den, rounded half away from zero to the given
// decimal places. It multiplies first and rounds once; den must be positive.
func Prorate(amount Amount, num, den int64, digits int32) Amount {
	return ProrateBig(amount, big.NewInt(num), big.NewInt(den), digits)
}

// ProrateBig is Prorate for numbers of any size.
func ProrateBig(amount Amount, num, den *big.Int, digits int32) Amount {
	if den.Sign() <= 0 {
		panic("money: prorated by a period that is not positive")
	}
	product := amount.d.Mul(decimal.NewFromBigInt(num, 0))
	return Amount{product.DivRound(decimal.NewFromBigInt(den, 0), digits)}
}

// Floor returns a fraction rounded down to the given decimal places.
func Floor(r *big.Rat, digits int32) Amount {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	units := scale.Mul(r.Num(), scale)
	return major(units.Div(units, r.Denom()), digits)
}

// Percent returns p per cent of a, rounded half away from zero to the given decimal
// places.
func (a Amount) Percent(p Amount, digits int32) Amount {
	return Amount{a.d.Mul(p.d).Shift(-2).Round(digits)}
}

// Negative returns −a.
func (a Amount) Negative() Amount { return Amount{a.d.Neg()} }

// Round returns the amount rounded half away from zero to the given decimal places.
func (a Amount) Round(digits int32) Amount { return Amount{a.d.Round(digits)} }

// Fixed writes the amount with exactly so many decimal places.
func (a Amount) Fixed(digits int32) string { return a.d.StringFixed(digits) }

// Scan implements sql.Scanner for numeric columns.
func (a *Amount) Scan(src any) error { return a.d.Scan(src) }

// MarshalText writes the amount as String does.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes, by the rules of Parse.
func (a *Amount) UnmarshalText(text []byte) (err error) {
	*a, err = Parse(string(text))
	return err
}

// Rat returns the amount as a fraction.
func (a Amount) Rat() *big.Rat { return a.d.Rat() }

// Decimal returns the amount for storage in a numeric column.
func (a Amount) Decimal() decimal.Decimal { return a.d }
