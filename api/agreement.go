package api

import (
	"strings"
	"time"
)

// Agreement is a discount that the operator has agreed on with an organization. It never
// changes; it can only end earlier.
type Agreement struct {
	ID           string `json:"id"`
	Organization string `json:"organization"`
	AgreementTerms
	Currency   string          `json:"currency" doc:"Of amounts, and of what it reduces"`
	State      string          `json:"state" enum:"coming,running,over" doc:"Today, in the organization's time zone"`
	RecordedAt time.Time       `json:"recordedAt"`
	RecordedBy string          `json:"recordedBy,omitempty" doc:"Shown to the operator only"`
	Ended      *AgreementEnded `json:"ended,omitempty" doc:"It was ended before its own end; the day is in to"`
}

// AgreementTerms are what was agreed on.
type AgreementTerms struct {
	Name    string          `json:"name" maxLength:"100" example:"Partner 2027" doc:"As it stands on invoices"`
	Kind    string          `json:"kind" enum:"percent,amount,volume" doc:"percent of what it covers; an amount a month; or volume: each part of what a month comes to by the percentage of its tier"`
	Percent string          `json:"percent,omitempty" maxLength:"20" example:"12.5" doc:"Of the kind percent: more than 0, at most 100"`
	Amount  string          `json:"amount,omitempty" maxLength:"30" example:"50.00" doc:"Of the kind amount: for a calendar month, and of a part of one that part; never more than what it covers comes to"`
	Tiers   []AgreementTier `json:"tiers,omitempty" doc:"Of the kind volume: from the first franc on"`
	// What it covers: what is left out is any.
	Service string `json:"service,omitempty" maxLength:"63" example:"postgresql" doc:"What it covers; absent: every service"`
	Plan    string `json:"plan,omitempty" maxLength:"63" example:"small" doc:"Of the service; absent: every plan"`
	Item    string `json:"item,omitempty" maxLength:"63" example:"compute" doc:"Such as compute, storage or backup-storage; absent: every item"`
	From    string `json:"from" maxLength:"10" example:"2027-01-01" doc:"The first day, in the organization's time zone. In months that are closed it becomes an adjustment on the next invoice"`
	To      string `json:"to,omitempty" maxLength:"10" example:"2028-01-01" doc:"The day on which it does not hold any more; absent: it has no end"`
}

// AgreementTier is the percentage of what lies above the tier before.
type AgreementTier struct {
	UpTo    string `json:"upTo,omitempty" maxLength:"30" example:"1000.00" doc:"What a month comes to, without tax; absent in the last tier, which has no end"`
	Percent string `json:"percent" maxLength:"20" example:"5"`
}

// ParseAgreementTier reads a tier as people write it: "1000=5", or "rest=10" for the last
// one. It says whether it has that form; the numbers are not looked at.
func ParseAgreementTier(text string) (AgreementTier, bool) {
	upTo, percent, ok := strings.Cut(text, "=")
	upTo, percent = strings.TrimSpace(upTo), strings.TrimSpace(percent)
	if upTo == "rest" {
		return AgreementTier{Percent: percent}, ok
	}
	return AgreementTier{UpTo: upTo, Percent: percent}, ok && upTo != ""
}

// AgreementEnded says how an agreement came to end early.
type AgreementEnded struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty" doc:"Shown to the operator only"`
}

// AgreementCreate records an agreement.
type AgreementCreate struct {
	Organization string `json:"organization" maxLength:"63"`
	AgreementTerms
}

// AgreementEnd ends an agreement early.
type AgreementEnd struct {
	To     string `json:"to" maxLength:"10" example:"2027-07-01" doc:"The day on which it does not hold any more. The day on which it begins: it never held"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"The customer can read it"`
}
