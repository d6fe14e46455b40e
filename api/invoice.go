package api

import "time"

// BillingProfile is whom an organization's invoices are made out to.
type BillingProfile struct {
	Name        string            `json:"name" maxLength:"70" doc:"Of the company, or the person"`
	Street      string            `json:"street,omitempty" maxLength:"70"`
	Building    string            `json:"building,omitempty" maxLength:"16" doc:"Number of the house"`
	PostalCode  string            `json:"postalCode" maxLength:"16"`
	Town        string            `json:"town" maxLength:"35"`
	Country     string            `json:"country" maxLength:"2" doc:"Two letters (ISO 3166-1)"`
	VATID       string            `json:"vatId,omitempty" maxLength:"30" doc:"VAT number, such as CHE-123.456.788 MWST or DE123456789"`
	Email       string            `json:"email,omitempty" maxLength:"254" doc:"To which invoices are mailed; absent: to owners, administrators and those with the role billing"`
	Language    string            `json:"language,omitempty" maxLength:"2" doc:"Of invoices: en or de; absent: en"`
	Reference   string            `json:"reference,omitempty" maxLength:"70" doc:"The organization's own, such as the number of a purchase order"`
	CostCentres map[string]string `json:"costCentres,omitempty" doc:"By project: what stands beside the project on invoices; empty for those that have none"`
	// UpdatedAt is zero as long as nothing was given.
	UpdatedAt time.Time `json:"updatedAt,omitzero" readOnly:"true"`
}

// Issuer is the company that issues invoices.
type Issuer struct {
	Name        string    `json:"name" maxLength:"70"`
	Street      string    `json:"street,omitempty" maxLength:"70"`
	Building    string    `json:"building,omitempty" maxLength:"16" doc:"Number of the house"`
	PostalCode  string    `json:"postalCode" maxLength:"16"`
	Town        string    `json:"town" maxLength:"35"`
	Country     string    `json:"country" maxLength:"2" doc:"Two letters (ISO 3166-1)"`
	VATID       string    `json:"vatId" maxLength:"30"`
	IBAN        string    `json:"iban" maxLength:"42" doc:"Of the account that invoices are paid to"`
	BIC         string    `json:"bic,omitempty" maxLength:"11"`
	Email       string    `json:"email,omitempty" maxLength:"254" doc:"For questions, on each invoice"`
	Currency    string    `json:"currency,omitempty" maxLength:"3" doc:"Absent: CHF"`
	TimeZone    string    `json:"timeZone,omitempty" maxLength:"64" doc:"In which days of issue are counted; absent: Europe/Zurich"`
	PaymentDays int       `json:"paymentDays,omitempty" minimum:"0" maximum:"365" doc:"From issue until an invoice is due"`
	GraceHours  int       `json:"graceHours,omitempty" minimum:"0" maximum:"720" doc:"From a month's end until it is closed: what zones report until then is on its invoice"`
	FirstMonth  string    `json:"firstMonth,omitempty" maxLength:"7" doc:"Months before it are not invoiced; absent: the month of now"`
	UpdatedAt   time.Time `json:"updatedAt,omitzero" readOnly:"true"`
}

// Invoice is an invoice or a credit note, as lists show it.
type Invoice struct {
	Number   string `json:"number"`
	Kind     string `json:"kind" enum:"invoice,credit-note"`
	Month    string `json:"month" doc:"That it is of, such as 2026-11"`
	IssuedOn string `json:"issuedOn"`
	DueOn    string `json:"dueOn,omitempty"`
	Currency string `json:"currency"`
	Net      string `json:"net"`
	Tax      string `json:"tax"`
	Gross    string `json:"gross" doc:"Of a credit note: what is given back"`
	Payable  string `json:"payable"`
	// Reference is the creditor reference that payments carry.
	Reference   string   `json:"reference"`
	Corrects    string   `json:"corrects,omitempty" doc:"Number of the invoice that a credit note corrects"`
	Credited    string   `json:"credited,omitempty" doc:"What credit notes have given back of it"`
	Reason      string   `json:"reason,omitempty" doc:"Why it was credited"`
	CorrectedBy []string `json:"correctedBy,omitempty" doc:"Numbers of the credit notes that correct it"`
	Files       []string `json:"files" doc:"Forms in which it can be downloaded: pdf, ubl, json"`
	// Payment says how it stands; a credit note that corrects an invoice counts for that one.
	Payment *InvoicePayment `json:"payment,omitempty" doc:"How it stands; absent: a credit note, which counts for the invoice that it corrects"`
}

// InvoiceDetail is an invoice or credit note with its lines.
type InvoiceDetail struct {
	Invoice
	From      string        `json:"from" doc:"First day of its period"`
	To        string        `json:"to" doc:"Last day of its period"`
	Issuer    InvoiceParty  `json:"issuer"`
	Customer  InvoiceParty  `json:"customer"`
	IBAN      string        `json:"iban"`
	Lines     []InvoiceLine `json:"lines"`
	Taxes     []InvoiceTax  `json:"taxes"`
	Watermark time.Time     `json:"watermark" doc:"What had been recorded by then is in it"`
	Rules     string        `json:"rules" doc:"Version of the rules that it was rated by"`
}

// OperatorInvoice is an invoice or a credit note, as the operator's list shows it.
type OperatorInvoice struct {
	Organization string `json:"organization"`
	Invoice
}

// OperatorInvoiceDetail is an invoice or credit note with its lines, as the operator sees it.
type OperatorInvoiceDetail struct {
	Organization string `json:"organization"`
	InvoiceDetail
	Left []CreditNoteLine `json:"left,omitempty" doc:"Of an invoice: what no credit note has given back of each line, without tax"`
}

// InvoiceDraft is what would be invoiced of a month as it is known now.
type InvoiceDraft struct {
	Month    string        `json:"month"`
	From     string        `json:"from"`
	To       string        `json:"to"`
	Currency string        `json:"currency"`
	Net      string        `json:"net"`
	Tax      string        `json:"tax"`
	Gross    string        `json:"gross"`
	Lines    []InvoiceLine `json:"lines"`
	Taxes    []InvoiceTax  `json:"taxes"`
	ClosesAt time.Time     `json:"closesAt,omitzero" doc:"When the month is closed and its invoice issued; absent: nobody issues invoices here yet"`
	Until    time.Time     `json:"until" doc:"What is on it goes up to then"`
	Lacking  string        `json:"lacking,omitempty" enum:"address,vat-id" doc:"What has to be given before the invoice can be issued"`
	Gaps     *MeterGaps    `json:"gaps,omitempty" doc:"Times of which nobody has said that a meter's usage is complete: what was used in them is not on the draft. Absent: none"`
}

// InvoiceParty is the issuer or the customer as it was.
type InvoiceParty struct {
	Name       string `json:"name"`
	Street     string `json:"street,omitempty"`
	Building   string `json:"building,omitempty"`
	PostalCode string `json:"postalCode"`
	Town       string `json:"town"`
	Country    string `json:"country"`
	VATID      string `json:"vatId,omitempty"`
	Email      string `json:"email,omitempty"`
	Reference  string `json:"reference,omitempty"`
}

// InvoiceLine is one line.
type InvoiceLine struct {
	ID         int             `json:"id"`
	Key        string          `json:"key,omitempty" doc:"By which the line of a draft can be opened; absent: it is not computed from what was used"`
	Text       string          `json:"text"`
	Project    string          `json:"project,omitempty"`
	CostCentre string          `json:"costCentre,omitempty"`
	Instance   string          `json:"instance,omitempty"`
	Service    string          `json:"service,omitempty"`
	Item       string          `json:"item"`
	From       string          `json:"from"`
	To         string          `json:"to"`
	Quantity   string          `json:"quantity"`
	Unit       string          `json:"unit"`
	Price      string          `json:"price"`
	Net        string          `json:"net"`
	Percent    string          `json:"percent" doc:"Of tax"`
	Invoice    string          `json:"invoice,omitempty" doc:"Number of the earlier invoice that it adjusts"`
	Of         int             `json:"of,omitempty" doc:"The line that it adjusts or gives back, of that invoice or of the one that is corrected"`
	Evidence   *CreditEvidence `json:"evidence,omitempty" doc:"Of a service credit: what it is given for, and what proves it"`
}

// InvoiceTax is the tax of all that is taxed alike.
type InvoiceTax struct {
	Category string `json:"category"`
	Percent  string `json:"percent"`
	Net      string `json:"net"`
	Tax      string `json:"tax"`
	Reason   string `json:"reason,omitempty"`
}

// InvoiceRun is the close of one organization's month.
type InvoiceRun struct {
	ID           string    `json:"id"`
	Organization string    `json:"organization"`
	Month        string    `json:"month"`
	State        string    `json:"state" enum:"frozen,rated,posted,documents,mailed,nothing" doc:"The last step that is done; mailed and nothing are the end"`
	Held         string    `json:"held,omitempty" enum:"address,vat-id" doc:"What the organization has to give before it can go on"`
	Error        string    `json:"error,omitempty" doc:"Why the last try failed"`
	Attempts     int       `json:"attempts" doc:"That failed"`
	Hands        int       `json:"hands" doc:"How often somebody had it tried again"`
	Watermark    time.Time `json:"watermark"`
	Rules        string    `json:"rules" doc:"Version of the rules that it was rated by; empty: it is not rated yet"`
	FrozenAt     time.Time `json:"frozenAt"`
	NextAt       time.Time `json:"nextAt,omitzero" doc:"When it is tried next"`
	EndedAt      time.Time `json:"endedAt,omitzero"`
	Number       string    `json:"number,omitempty" doc:"Of the invoice"`
	Currency     string    `json:"currency,omitempty"`
	Gross        string    `json:"gross,omitempty"`
}

// InvoiceMonth is how the closing of a month has gone with all organizations.
type InvoiceMonth struct {
	Month   string `json:"month"`
	Runs    int    `json:"runs" doc:"Organizations whose month was closed or is being closed"`
	Alone   int    `json:"alone" doc:"Closed without anybody having had it tried again"`
	ByHand  int    `json:"byHand" doc:"Closed after somebody had it tried again"`
	Held    int    `json:"held" doc:"That wait for details of the organization's"`
	Failed  int    `json:"failed" doc:"Whose last try failed"`
	Success string `json:"success,omitempty" doc:"How many percent closed by themselves, of all but those that are still on their way; rounded down to a tenth"`
}

// InvoiceRetry asks to have a run tried again now, or a month closed now.
type InvoiceRetry struct {
	Organization string `json:"organization" maxLength:"63"`
	Month        string `json:"month" maxLength:"7" doc:"That is over, such as 2026-11"`
}

// CreditNoteOrder credits an invoice.
type CreditNoteOrder struct {
	Invoice string           `json:"invoice" maxLength:"40" doc:"Its number"`
	Reason  string           `json:"reason" minLength:"1" maxLength:"200"`
	Lines   []CreditNoteLine `json:"lines,omitempty" maxItems:"10000" doc:"Absent: all that is left of the invoice"`
	Amount  string           `json:"amount,omitempty" maxLength:"20" doc:"Without tax, of the invoice, split over its lines; absent: the lines, or all that is left"`
}

// CreditNoteLine says what is credited of a line.
type CreditNoteLine struct {
	Line   int    `json:"line" minimum:"1"`
	Amount string `json:"amount,omitempty" maxLength:"20" doc:"Without tax; absent: all that is left of the line"`
}
