// Package camt reads what a bank says about an account: statements (camt.053) and
// notifications (camt.054) of ISO 20022, in the versions of 2009 to 2019 (001.02 to
// 001.08) as Swiss and European banks send them.
package camt

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"souk/internal/money"
)

// MostBytes bounds a file.
const MostBytes = 32 << 20

// File is what was read.
type File struct {
	MessageID string
	Kind      string // "camt.053" or "camt.054"
	Accounts  []Account
}

// Account is one statement or notification.
type Account struct {
	ID       string // of the statement
	IBAN     string
	Payments []Payment
}

// Payment is one booked movement of money.
type Payment struct {
	// Key names the payment within its account: the bank's reference, or that of its
	// entry and the place within it, so that the same payment has the same key in every
	// file that tells of it. Where the bank gives none it is the statement's
	// identification and the place within that, and Unreferenced is set: another file
	// has another key for it.
	Key          string
	Unreferenced bool
	// Entry is the bank's reference of the entry that the payment is part of, or "". One
	// file may tell of the entry as a whole and another of each payment in it.
	Entry string
	// Amount is positive for money that came in.
	Amount   money.Amount
	Currency string
	BookedOn string // "2026-11-22"
	ValueOn  string
	// Reference is a structured creditor reference without spaces, or "".
	Reference string
	// Text is the unstructured message, or "".
	Text                  string
	Payer, PayerIBAN      string
	Returned              bool // an earlier payment is taken back
	EndToEndID, AccountID string
}

// Error says what is wrong with a file, and where.
type Error struct {
	Where  string // "Stmt[1]/Ntry[3]"
	Reason string
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.Reason
	}
	return e.Where + ": " + e.Reason
}

// Read reads a file. It returns an *Error for what is no such file, and for one that
// contradicts itself: a statement whose entries do not lead from its opening to its
// closing balance, or an entry whose details do not add up to it. It reads all or
// nothing.
func Read(r io.Reader) (File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MostBytes+1))
	if err != nil {
		return File{}, err
	}
	if len(data) > MostBytes {
		return File{}, &Error{Reason: fmt.Sprintf("the file is larger than %d MiB", MostBytes>>20)}
	}
	var d document
	decoder := xml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&d); err != nil {
		return File{}, &Error{Reason: "the file is not well-formed XML: " + plain(err)}
	}
	if !ends(decoder) {
		return File{}, &Error{Reason: "something follows the end of the document"}
	}
	return d.file()
}

// ends says whether only space and comments are left.
func ends(decoder *xml.Decoder) bool {
	for {
		switch token, err := decoder.Token(); token := token.(type) {
		case xml.Comment:
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return false
			}
		default:
			return errors.Is(err, io.EOF)
		}
	}
}

// plain keeps what encoding/xml says to one line.
func plain(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(text, "XML syntax error ")
}

// document has the elements that are read, by their local names: namespaces differ
// between versions, the names do not.
type document struct {
	XMLName   xml.Name
	Statement *message `xml:"BkToCstmrStmt"`
	Notice    *message `xml:"BkToCstmrDbtCdtNtfctn"`
}

type message struct {
	ID         string `xml:"GrpHdr>MsgId"`
	Statements []part `xml:"Stmt"`
	Notices    []part `xml:"Ntfctn"`
}

type part struct {
	ID       string    `xml:"Id"`
	IBAN     string    `xml:"Acct>Id>IBAN"`
	Other    string    `xml:"Acct>Id>Othr>Id"`
	Balances []balance `xml:"Bal"`
	Entries  []entry   `xml:"Ntry"`
}

type balance struct {
	Kind   string `xml:"Tp>CdOrPrtry>Cd"`
	Amount amount `xml:"Amt"`
	Sign   string `xml:"CdtDbtInd"`
}

type amount struct {
	Currency string `xml:"Ccy,attr"`
	Value    string `xml:",chardata"`
}

type day struct {
	Date string `xml:"Dt"`
	Time string `xml:"DtTm"`
}

type status struct {
	Code string `xml:"Cd"` // from 001.08 on
	Text string `xml:",chardata"`
}

type entry struct {
	Amount    amount   `xml:"Amt"`
	Sign      string   `xml:"CdtDbtInd"`
	Reversal  string   `xml:"RvslInd"`
	Status    status   `xml:"Sts"`
	Booked    day      `xml:"BookgDt"`
	Value     day      `xml:"ValDt"`
	Reference string   `xml:"AcctSvcrRef"`
	Details   []detail `xml:"NtryDtls>TxDtls"`
}

type detail struct {
	Reference string   `xml:"Refs>AcctSvcrRef"`
	EndToEnd  string   `xml:"Refs>EndToEndId"`
	Amount    *amount  `xml:"Amt"`
	Moved     *amount  `xml:"AmtDtls>TxAmt>Amt"`
	Sign      string   `xml:"CdtDbtInd"`
	Payer     string   `xml:"RltdPties>Dbtr>Nm"`
	PayerOf8  string   `xml:"RltdPties>Dbtr>Pty>Nm"` // from 001.08 on
	PayerIBAN string   `xml:"RltdPties>DbtrAcct>Id>IBAN"`
	Creditor  []string `xml:"RmtInf>Strd>CdtrRefInf>Ref"`
	Text      []string `xml:"RmtInf>Ustrd"`
}

func (d *document) file() (File, error) {
	f, m := File{}, d.Statement
	switch {
	case d.XMLName.Local != "Document":
		return File{}, &Error{Reason: "the file is no ISO 20022 document: its root is <" + d.XMLName.Local + ">"}
	case d.Statement != nil && d.Notice != nil:
		return File{}, &Error{Reason: "the file is a statement and a notification at once"}
	case d.Statement != nil:
		f.Kind = "camt.053"
	case d.Notice != nil:
		f.Kind, m = "camt.054", d.Notice
	default:
		return File{}, &Error{Reason: "the file is neither a statement (camt.053) nor a notification (camt.054)"}
	}
	f.MessageID = m.ID
	if m.ID == "" {
		return File{}, &Error{"GrpHdr/MsgId", "it is missing"}
	}
	name, parts := "Stmt", m.Statements
	if f.Kind == "camt.054" {
		name, parts = "Ntfctn", m.Notices
	}
	if len(parts) == 0 {
		return File{}, &Error{Reason: "the file tells of no account"}
	}
	for i, p := range parts {
		a, err := p.account(fmt.Sprintf("%s[%d]", name, i+1))
		if err != nil {
			return File{}, err
		}
		f.Accounts = append(f.Accounts, a)
	}
	return f, nil
}

func (p *part) account(where string) (Account, error) {
	a := Account{ID: p.ID, IBAN: withoutSpaces(p.IBAN)}
	if p.ID == "" {
		return a, &Error{where + "/Id", "it is missing"}
	}
	if a.IBAN == "" {
		return a, &Error{where + "/Acct/Id/IBAN", "it is missing"}
	}
	var sum money.Amount
	for i := range p.Entries {
		at := fmt.Sprintf("%s/Ntry[%d]", where, i+1)
		payments, booked, err := p.Entries[i].payments(at)
		if err != nil {
			return a, err
		}
		for n := range payments {
			if payments[n].Key == "" {
				payments[n].Key, payments[n].Unreferenced = fmt.Sprintf("%s/%d/%d", p.ID, i+1, n+1), true
			}
			payments[n].AccountID = a.ID
		}
		a.Payments, sum = append(a.Payments, payments...), sum.Add(booked)
	}
	return a, p.balanced(where, sum)
}

// balanced says whether what was booked leads from the opening to the closing balance,
// where the statement has both.
func (p *part) balanced(where string, booked money.Amount) error {
	var opening, closing *money.Amount
	for i, b := range p.Balances {
		value, err := signed(fmt.Sprintf("%s/Bal[%d]", where, i+1), b.Amount, b.Sign)
		if err != nil {
			return err
		}
		switch b.Kind {
		case "OPBD", "PRCD":
			opening = &value
		case "CLBD":
			closing = &value
		}
	}
	if opening == nil || closing == nil || opening.Add(booked).Cmp(*closing) == 0 {
		return nil
	}
	return &Error{where, fmt.Sprintf("its entries do not lead from the opening balance %s to the closing balance %s, but to %s: the file is not whole", opening, closing, opening.Add(booked))}
}

// payments returns the payments of an entry, and what was booked with it. What is not
// booked yet is left out.
func (e *entry) payments(where string) ([]Payment, money.Amount, error) {
	state := cmp.Or(e.Status.Code, strings.TrimSpace(e.Status.Text))
	if state != "BOOK" {
		return nil, money.Amount{}, nil
	}
	total, err := signed(where, e.Amount, e.Sign)
	if err != nil {
		return nil, total, err
	}
	whole := Payment{Key: e.Reference, Entry: e.Reference, Amount: total, Currency: e.Amount.Currency, Returned: e.Reversal == "true"}
	if whole.BookedOn, err = e.Booked.day(where + "/BookgDt"); err != nil {
		return nil, total, err
	}
	if whole.ValueOn = whole.BookedOn; e.Value != (day{}) {
		if whole.ValueOn, err = e.Value.day(where + "/ValDt"); err != nil {
			return nil, total, err
		}
	}
	if len(e.Details) == 0 {
		return []Payment{whole}, total, nil
	}
	var sum money.Amount
	list := make([]Payment, len(e.Details))
	for i := range e.Details {
		at := fmt.Sprintf("%s/TxDtls[%d]", where, i+1)
		if list[i], err = e.Details[i].payment(at, whole, i, len(e.Details)); err != nil {
			return nil, total, err
		}
		sum = sum.Add(list[i].Amount)
	}
	if sum.Cmp(total) != 0 {
		return nil, total, &Error{where, fmt.Sprintf("its details add up to %s and not to %s", sum, total)}
	}
	return list, total, nil
}

// payment is one of an entry; what it does not say itself is the entry's.
func (d *detail) payment(where string, of Payment, n, all int) (Payment, error) {
	alone, place := all == 1, ""
	if !alone {
		place = fmt.Sprintf("/%d", n+1)
	}
	p := of
	p.Key, p.EndToEndID = d.Reference, d.EndToEnd
	if p.Key == "" && of.Key != "" {
		p.Key = of.Key + place
	}
	p.Payer, p.PayerIBAN = cmp.Or(d.Payer, d.PayerOf8), withoutSpaces(d.PayerIBAN)
	p.Text = strings.TrimSpace(strings.Join(d.Text, " "))
	for _, ref := range d.Creditor {
		p.Reference = withoutSpaces(ref)
	}
	value := d.Amount
	if value == nil {
		value = d.Moved
	}
	switch {
	case value == nil && !alone:
		return p, &Error{where + "/Amt", "it is missing"}
	case value == nil, alone && value.Currency != of.Currency: // of a payment in another currency what was booked counts
		return p, nil
	}
	sign := d.Sign
	if sign == "" {
		sign = "CRDT"
		if of.Amount.Cmp(money.Amount{}) < 0 {
			sign = "DBIT"
		}
	}
	var err error
	p.Amount, err = signed(where, *value, sign)
	p.Currency = value.Currency
	if err == nil && p.Currency != of.Currency {
		err = &Error{where + "/Amt", "its currency is not the entry's"}
	}
	return p, err
}

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	decimals = regexp.MustCompile(`^[0-9]{1,13}(\.[0-9]{1,5})?$`)
)

// signed reads an amount: positive for what came in.
func signed(where string, a amount, sign string) (money.Amount, error) {
	text := strings.TrimSpace(a.Value)
	if !decimals.MatchString(text) {
		return money.Amount{}, &Error{where + "/Amt", "it is no amount"}
	}
	if !currency.MatchString(a.Currency) {
		return money.Amount{}, &Error{where + "/Amt", "it has no currency"}
	}
	value, err := money.Parse(text)
	if err != nil {
		return money.Amount{}, &Error{where + "/Amt", err.Error()}
	}
	switch sign {
	case "CRDT":
		return value, nil
	case "DBIT":
		return value.Negative(), nil
	}
	return money.Amount{}, &Error{where + "/CdtDbtInd", "it is neither CRDT nor DBIT"}
}

func (d day) day(where string) (string, error) {
	text := cmp.Or(d.Date, d.Time)
	if len(text) >= len(time.DateOnly) {
		if _, err := time.Parse(time.DateOnly, text[:len(time.DateOnly)]); err == nil {
			return text[:len(time.DateOnly)], nil
		}
	}
	return "", &Error{where, "it is no date"}
}

func withoutSpaces(s string) string { return strings.Join(strings.Fields(s), "") }
