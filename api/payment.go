package api

import "time"

// BankFile is a bank's file of what was booked on the issuer's account.
type BankFile struct {
	ID           string    `json:"id"`
	Kind         string    `json:"kind" enum:"camt.053,camt.054" doc:"A statement or a notification"`
	MessageID    string    `json:"messageId" doc:"The bank's name of it"`
	SHA256       string    `json:"sha256"`
	Transactions int       `json:"transactions" doc:"That it tells of"`
	Known        int       `json:"known" doc:"Of these, how many another file had told of"`
	ImportedBy   string    `json:"importedBy"`
	ImportedAt   time.Time `json:"importedAt"`
}

// BankImport is what came of a file.
type BankImport struct {
	File     BankFile       `json:"file"`
	Again    bool           `json:"again,omitempty" doc:"The same file was imported before: nothing was done"`
	New      int            `json:"new" doc:"Transactions that no file had told of before"`
	Findings map[string]int `json:"findings" doc:"How many of these there are of each finding"`
}

// Payment is a transaction on the issuer's account.
type Payment struct {
	ID        string `json:"id"`
	Amount    string `json:"amount" doc:"Positive: it came in"`
	Currency  string `json:"currency"`
	BookedOn  string `json:"bookedOn"`
	ValueOn   string `json:"valueOn"`
	Account   string `json:"account" doc:"IBAN of the issuer's account"`
	Reference string `json:"reference,omitempty" doc:"Creditor reference that it carries"`
	Text      string `json:"text,omitempty"`
	Payer     string `json:"payer,omitempty"`
	PayerIBAN string `json:"payerIban,omitempty"`
	// Finding is what was found when it was read; State how it stands now.
	Finding string `json:"finding" enum:"matched,part,over,again,unmatched,currency,written-off,returned,outgoing" doc:"What was found when it was imported"`
	State   string `json:"state" enum:"taken,unmatched,refunded,reversed,replaced,outgoing" doc:"How it stands now"`
	Rest    string `json:"rest" doc:"What of it is taken for nothing yet"`

	Taken       []PaymentTaken      `json:"taken" doc:"What it is taken for"`
	Suggestions []PaymentSuggestion `json:"suggestions,omitempty" doc:"Open invoices that the rest may be for"`
	Refund      *PaymentRefund      `json:"refund,omitempty"`
}

// PaymentTaken is what a payment, or a part of it, is taken for.
type PaymentTaken struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization"`
	Invoice      string    `json:"invoice,omitempty" doc:"Number; absent: kept as the organization's credit"`
	Amount       string    `json:"amount"`
	By           string    `json:"by" doc:"\"souk\": by its reference"`
	At           time.Time `json:"at"`
}

// PaymentSuggestion is an open invoice that a payment may be for.
type PaymentSuggestion struct {
	Organization string `json:"organization"`
	Invoice      string `json:"invoice"`
	Open         string `json:"open"`
	DueOn        string `json:"dueOn,omitempty"`
	Reason       string `json:"reason" enum:"number,payer,amount" doc:"The text has its number; the organization has paid from this account before; it asks for just this amount"`
}

// PaymentRefund says that money was sent back.
type PaymentRefund struct {
	Amount string    `json:"amount"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// PaymentAssign takes the rest of a payment for an invoice, or keeps it as an
// organization's credit.
type PaymentAssign struct {
	Invoice      string `json:"invoice,omitempty" maxLength:"63" doc:"Number of the invoice; what is more than its open amount becomes the organization's credit"`
	Organization string `json:"organization,omitempty" maxLength:"63" doc:"In place of an invoice: whose credit it becomes"`
}

// PaymentReason says why something is done with a payment.
type PaymentReason struct {
	Reason string `json:"reason" minLength:"3" maxLength:"500"`
}

// InvoicePayment is how an invoice stands.
type InvoicePayment struct {
	State      string `json:"state" enum:"open,partly-paid,paid,overdue,written-off,credited"`
	Open       string `json:"open" doc:"What is left to pay"`
	Paid       string `json:"paid"`
	Credited   string `json:"credited,omitempty" doc:"By credit notes"`
	WrittenOff string `json:"writtenOff,omitempty"`
}

// OpenInvoice is an invoice that is not paid yet.
type OpenInvoice struct {
	Number    string `json:"number"`
	Reference string `json:"reference" doc:"Creditor reference, for the payment"`
	DueOn     string `json:"dueOn,omitempty"`
	Open      string `json:"open"`
	State     string `json:"state" enum:"open,partly-paid,overdue,written-off" doc:"A written-off one is listed, and counted for nothing else, where instances are suspended until it is paid all the same"`
	Step      string `json:"step,omitempty" enum:"reminder,second,announced,suspended" doc:"What was done last as it is overdue"`
	NextStep  string `json:"nextStep,omitempty" enum:"reminder,second,announced,suspended" doc:"What comes next unless it is paid"`
	NextOn    string `json:"nextOn,omitempty" doc:"The first day on which it does"`
}

// BillingBalance is what an organization has open, and how to pay it.
type BillingBalance struct {
	Organization  string        `json:"organization"`
	Currency      string        `json:"currency"`
	Open          string        `json:"open" doc:"Of all invoices"`
	Overdue       string        `json:"overdue" doc:"Of those that are overdue"`
	Credit        string        `json:"credit" doc:"Paid too much, and taken for what comes next"`
	PayTo         PayTo         `json:"payTo"`
	Invoices      []OpenInvoice `json:"invoices"`
	Suspended     int           `json:"suspended" doc:"How many instances are suspended for what is not paid"`
	SuspendedOn   string        `json:"suspendedOn,omitempty" doc:"The day on which instances are suspended unless what is overdue is paid; once that is announced"`
	OrdersRefused string        `json:"ordersRefused,omitempty" doc:"Why new orders are refused, and what to do"`
	Held          *DunningHeld  `json:"held,omitempty" doc:"Nobody is reminded, and instances run on"`
}

// PayTo is the account to pay to.
type PayTo struct {
	Name string `json:"name"`
	IBAN string `json:"iban"`
	BIC  string `json:"bic,omitempty"`
}

// DunningHold holds dunning of an organization.
type DunningHold struct {
	Reason string `json:"reason" minLength:"3" maxLength:"500"`
	Until  string `json:"until,omitempty" maxLength:"10" doc:"The last day, such as 2026-12-31; absent: until it is ended"`
}

// DunningHeld says that dunning is held.
type DunningHeld struct {
	Reason string    `json:"reason"`
	Until  string    `json:"until,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// DunningRules say how many days after an invoice was due what is done.
type DunningRules struct {
	ReminderDays int  `json:"reminderDays" minimum:"1" maximum:"365" doc:"The first reminder"`
	SecondDays   int  `json:"secondDays" minimum:"2" maximum:"365" doc:"The second one"`
	SuspendDays  int  `json:"suspendDays" minimum:"3" maximum:"365" doc:"Instances are suspended"`
	NoticeDays   int  `json:"noticeDays" minimum:"1" maximum:"365" doc:"How many days before that it is announced"`
	Paused       bool `json:"paused" doc:"Nobody is reminded; what is suspended stays so until it is paid"`
}

// WriteOff gives up what an invoice has open.
type WriteOff struct {
	ID             string     `json:"id"`
	Organization   string     `json:"organization"`
	Invoice        string     `json:"invoice"`
	Amount         string     `json:"amount"`
	Recovered      string     `json:"recovered" doc:"What of it was paid or credited after all"`
	Currency       string     `json:"currency"`
	Reason         string     `json:"reason"`
	State          string     `json:"state" enum:"proposed,approved,refused,reversed"`
	ProposedBy     string     `json:"proposedBy" doc:"The person; of a token, who made it"`
	ProposedAt     time.Time  `json:"proposedAt"`
	DecidedBy      string     `json:"decidedBy,omitempty"`
	DecidedAt      *time.Time `json:"decidedAt,omitempty"`
	ReversedBy     string     `json:"reversedBy,omitempty"`
	ReversedReason string     `json:"reversedReason,omitempty"`
	ReversedAt     *time.Time `json:"reversedAt,omitempty"`
}

// WriteOffPropose proposes to give up what an invoice has open.
type WriteOffPropose struct {
	Invoice string `json:"invoice" minLength:"1" maxLength:"63"`
	Reason  string `json:"reason" minLength:"3" maxLength:"500"`
}
