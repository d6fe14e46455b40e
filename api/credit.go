package api

import "time"

// CreditTier is a share of what an instance was charged in a month that is given back
// below an availability.
type CreditTier struct {
	Below   string `json:"below" maxLength:"8" doc:"Per cent of the month that the instance was available, with four decimals at most" example:"99.5"`
	Percent string `json:"percent" maxLength:"6" doc:"Per cent of what the instance was charged in the month, with two decimals at most" example:"10"`
}

// CreditTermsSpec is what is given back of a service level.
type CreditTermsSpec struct {
	ServiceLevel string       `json:"serviceLevel" doc:"best-effort or guaranteed" example:"best-effort"`
	Organization string       `json:"organization,omitempty" maxLength:"63" doc:"The one that it was agreed with; absent: all that have no terms of their own"`
	FromMonth    string       `json:"fromMonth,omitempty" maxLength:"7" doc:"The first month that it holds for. Default: the next, or this one where nothing holds for it yet" example:"2026-12"`
	Tiers        []CreditTier `json:"tiers" maxItems:"10" doc:"None: nothing is given back"`
	Cap          string       `json:"cap,omitempty" maxLength:"6" doc:"What is given back at most, in per cent of what all instances of the level were charged in the month" example:"50"`
}

// CreditTerms are a revision of what is given back of a service level. It is never changed.
type CreditTerms struct {
	ID string `json:"id"`
	CreditTermsSpec
	Revision    int       `json:"revision" doc:"From 1 on, within organization and service level"`
	PublishedBy string    `json:"publishedBy,omitempty" doc:"Seen by the operator only"`
	RecordedAt  time.Time `json:"recordedAt"`
}

// CreditEvidence is what a service credit is given for, and by what.
type CreditEvidence struct {
	Month        string `json:"month" doc:"In which the instance was less available" example:"2026-11"`
	Report       string `json:"report" doc:"The SLA report that proves it, by its ID"`
	Watermark    string `json:"watermark" doc:"With the month it gives the report as it was made"`
	SHA256       string `json:"sha256" doc:"Of the report, as it is signed"`
	Availability string `json:"availability" doc:"As measured, in per cent"`
	Objective    string `json:"objective,omitempty" doc:"In per cent"`
	Below        string `json:"below" doc:"The tier of the terms, in per cent"`
	Percent      string `json:"percent" doc:"What the tier gives back, in per cent"`
	Charged      string `json:"charged" doc:"What the instance was charged in the month, without tax"`
}

// ServiceCredit is what an invoice gives back of an instance's month.
type ServiceCredit struct {
	Organization string `json:"organization"`
	Project      string `json:"project" doc:"As it was called then"`
	Instance     string `json:"instance" doc:"As it was called then"`
	InstanceID   string `json:"instanceId"`
	Service      string `json:"service"`
	ServiceLevel string `json:"serviceLevel"`
	CreditEvidence
	Amount   string `json:"amount" doc:"Without tax"`
	Currency string `json:"currency"`
	Invoice  string `json:"invoice" doc:"The invoice that gives it back"`
	Terms    string `json:"terms" doc:"The revision of the terms, by its ID"`
}
