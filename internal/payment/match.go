package payment

import (
	"regexp"
	"strings"

	"github.com/google/uuid"

	"souk/internal/money"
	"souk/internal/qrbill"
	"souk/internal/tax"
)

// Finding is what was found of a transaction when it was read.
type Finding string

// The findings.
const (
	Matched    Finding = "matched"     // just what was open
	Part       Finding = "part"        // less than what was open
	Over       Finding = "over"        // more than what was open; the rest is the customer's credit
	Again      Finding = "again"       // nothing was open any more; all of it is the customer's credit
	Unmatched  Finding = "unmatched"   // nobody knows for what
	Foreign    Finding = "currency"    // in another currency than the invoice's, or the issuer's
	WrittenOff Finding = "written-off" // for an invoice that was written off, which it recovers
	Returned   Finding = "returned"    // an earlier one was taken back
	Outgoing   Finding = "outgoing"    // not from a customer: fees, transfers, what was sent back
)

// Invoice is one as far as payments are concerned.
type Invoice struct {
	ID, Organization uuid.UUID
	OrganizationName string
	Number           string
	Reference        string // creditor reference
	Currency         string
	DueOn            tax.Day
	// Payable is what it asks for. Open is what is left of it; negative: it was paid or
	// credited too much.
	Payable, Open, WrittenOff money.Amount
}

// Move takes money for an invoice, or (uuid.Nil) keeps it as the customer's credit.
type Move struct {
	Organization, Invoice uuid.UUID
	Amount                money.Amount
}

// Match says for what a positive amount is taken that came with the reference of the
// invoice; nil: there is none.
func Match(amount money.Amount, currency string, invoice *Invoice) ([]Move, Finding) {
	switch {
	case invoice == nil:
		return nil, Unmatched
	case invoice.Currency != currency:
		return nil, Foreign
	}
	if !invoice.WrittenOff.IsZero() { // what was given up is paid after all
		moves, _ := within(amount, invoice.Open.Add(invoice.WrittenOff), invoice)
		return moves, WrittenOff
	}
	return within(amount, invoice.Open, invoice)
}

// within takes an amount for what an invoice has open; the rest is the customer's credit.
func within(amount, open money.Amount, invoice *Invoice) ([]Move, Finding) {
	if open.Cmp(money.Amount{}) <= 0 {
		return []Move{{invoice.Organization, uuid.Nil, amount}}, Again
	}
	switch amount.Cmp(open) {
	case -1:
		return []Move{{invoice.Organization, invoice.ID, amount}}, Part
	case 0:
		return []Move{{invoice.Organization, invoice.ID, amount}}, Matched
	}
	return []Move{{invoice.Organization, invoice.ID, open}, {invoice.Organization, uuid.Nil, amount.Sub(open)}}, Over
}

// Settle says which of an organization's invoices its credit is taken for: the one that
// is due first first. Those that were paid too much give back to the credit before. All
// are of one currency, in the order in which they are due.
func Settle(credit money.Amount, invoices []Invoice) (moves []Move) {
	var zero money.Amount
	for _, i := range invoices {
		if i.Open.Cmp(zero) < 0 {
			moves, credit = append(moves, Move{i.Organization, i.ID, i.Open}), credit.Sub(i.Open)
		}
	}
	for _, i := range invoices {
		if i.Open.Cmp(zero) <= 0 || credit.Cmp(zero) <= 0 {
			continue
		}
		taken := i.Open
		if credit.Cmp(taken) < 0 {
			taken = credit
		}
		moves, credit = append(moves, Move{i.Organization, i.ID, taken}), credit.Sub(taken)
	}
	return moves
}

// referenceAt finds where a creditor reference may begin in a text without spaces.
var referenceAt = regexp.MustCompile(`RF[0-9]{2}[0-9A-Z]{1,21}`)

// ReferencesIn returns what may be the creditor reference of a payment: that which it
// carries as such, or each that its text holds with the right check digits, however it is
// spaced.
func ReferencesIn(reference, text string) (list []string) {
	if reference != "" {
		return []string{strings.ToUpper(strings.Join(strings.Fields(reference), ""))}
	}
	rest := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	for {
		at := referenceAt.FindStringIndex(rest)
		if at == nil {
			return list
		}
		for end := at[0] + 5; end <= at[1]; end++ {
			if qrbill.CheckReference(rest[at[0]:end]) {
				list = append(list, rest[at[0]:end])
			}
		}
		rest = rest[at[0]+2:]
	}
}

// Suggestion is an invoice that a payment may be for.
type Suggestion struct {
	Invoice Invoice
	Reason  string // "number", "payer", "amount"
}

// mostSuggested bounds the suggestions for one payment.
const mostSuggested = 5

// Suggest finds open invoices that a payment may be for: whose number its text has, of
// whom has paid from the account before, or that ask for just its amount. It changes
// nothing: somebody decides.
func Suggest(amount money.Amount, currency, text string, payer uuid.UUID, invoices []Invoice) (list []Suggestion) {
	plain := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	for _, reason := range []string{"number", "payer", "amount"} {
		for _, i := range invoices {
			fits := false
			switch reason {
			case "number":
				fits = plain != "" && strings.Contains(plain, strings.ToUpper(i.Number))
			case "payer":
				fits = payer != uuid.Nil && payer == i.Organization
			case "amount":
				fits = amount.Cmp(i.Open) == 0
			}
			if fits && i.Currency == currency && len(list) < mostSuggested && !suggested(list, i.ID) {
				list = append(list, Suggestion{i, reason})
			}
		}
	}
	return list
}

func suggested(list []Suggestion, invoice uuid.UUID) bool {
	for _, s := range list {
		if s.Invoice.ID == invoice {
			return true
		}
	}
	return false
}
