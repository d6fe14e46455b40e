package payment

import (
	"souk/internal/money"
	"souk/internal/tax"
)

// State is how an invoice stands.
type State string

// The states.
const (
	Open          State = "open"
	PartlyPaid    State = "partly-paid"
	Paid          State = "paid"
	Overdue       State = "overdue"
	StateWriteOff State = "written-off"
	Credited      State = "credited"
)

// Balance is what there is of an invoice.
type Balance struct {
	Payable, Paid, Credited, WrittenOff money.Amount
	DueOn                               tax.Day // "": it is due at no time
}

// Open is what is left to pay; negative: too much was paid or credited.
func (b Balance) Open() money.Amount { return b.Payable.Sub(b.Paid).Sub(b.Credited).Sub(b.WrittenOff) }

// State is how the invoice stands on a day of the issuer's.
func (b Balance) State(today tax.Day) State {
	var zero money.Amount
	open := b.Open()
	switch {
	case open.Cmp(zero) > 0 && b.DueOn != "" && today > b.DueOn:
		return Overdue
	case open.Cmp(zero) > 0 && b.Paid.Cmp(zero) > 0:
		return PartlyPaid
	case open.Cmp(zero) > 0:
		return Open
	case !b.WrittenOff.IsZero():
		return StateWriteOff
	case b.Credited.Cmp(zero) > 0 && b.Paid.Cmp(zero) <= 0:
		return Credited
	}
	return Paid
}
