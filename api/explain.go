package api

import "time"

// Explanation is what a line of costs is made of. The shares of its parts, which are not
// rounded, add up to Now.Unrounded, or, of an adjustment, to that less Before.Unrounded.
type Explanation struct {
	Key           string    `json:"key"`
	Month         string    `json:"month" doc:"That is charged, such as 2026-11"`
	TimeZone      string    `json:"timeZone" doc:"In which the month begins"`
	Rules         string    `json:"rules" doc:"Version of the rules that it was rated by"`
	Watermark     time.Time `json:"watermark,omitzero" doc:"What had been recorded by then counts; absent: all that is known"`
	Project       string    `json:"project,omitempty"`
	Instance      string    `json:"instance,omitempty"`
	InstanceID    string    `json:"instanceId,omitempty"`
	Gone          bool      `json:"gone,omitempty" doc:"The instance was removed for good"`
	Service       string    `json:"service,omitempty"`
	Plan          string    `json:"plan,omitempty"`
	PlanRevision  int       `json:"planRevision,omitempty"`
	ServiceLevel  string    `json:"serviceLevel,omitempty"`
	PriceList     string    `json:"priceList,omitempty" doc:"That has the price"`
	PriceRevision int       `json:"priceRevision,omitempty" doc:"Of the price list"`
	PublishedAt   time.Time `json:"publishedAt,omitzero" doc:"When that revision was published"`
	Item          string    `json:"item"`
	Of            string    `json:"of,omitempty" doc:"The item that a minimum is for"`
	Tier          int       `json:"tier,omitempty" doc:"Of the price, from 1 on"`
	Unit          string    `json:"unit" doc:"What the price is for one of"`
	Price         Money     `json:"price" doc:"Of a minimum: for a whole month"`
	Quantity      string    `json:"quantity" doc:"In units, to six places"`
	Now           *Rated    `json:"now,omitempty" doc:"What the line comes to; absent: there is no such line any more"`
	Before        *Rated    `json:"before,omitempty" doc:"Of an adjustment: what it came to as it was known before"`
	Amount        Money     `json:"amount" doc:"Of the line; of an adjustment, now less before"`
	Count         int       `json:"count" doc:"Of parts"`
	Parts         []Part    `json:"parts" nullable:"false" doc:"In the order of time; of an adjustment, those that differ"`
	Next          string    `json:"next,omitempty" doc:"Cursor of the next page of parts"`
}

// Rated is how a line was added up and rounded.
type Rated struct {
	Watermark time.Time `json:"watermark,omitzero"`
	Unrounded string    `json:"unrounded" doc:"What its parts come to, to twelve places"`
	Charged   string    `json:"charged,omitempty" doc:"Of a minimum: what the lines come to that count for it"`
	Amount    string    `json:"amount" doc:"That rounded, once, less what was charged"`
}

// Part is what a line has of one link of a chain, or of one hour of a meter.
type Part struct {
	ID       string    `json:"id" doc:"Of the link, or the number of the hour"`
	Kind     string    `json:"kind" enum:"segment,backups,usage"`
	From     time.Time `json:"from" doc:"What of the link is in the line; equal to to: it is charged once"`
	To       time.Time `json:"to"`
	Since    time.Time `json:"since,omitzero" doc:"When the link began, if before from"`
	Open     bool      `json:"open,omitempty" doc:"The link goes on"`
	State    string    `json:"state,omitempty" doc:"Of a segment" example:"active"`
	Plan     string    `json:"plan,omitempty"`
	Meter    string    `json:"meter,omitempty"`
	Quantity int64     `json:"quantity" doc:"At each moment: of storage GiB, of backups bytes, else 1; of a meter what it counted, in its smallest unit"`
	Seconds  string    `json:"seconds" doc:"From from to to"`
	Used     string    `json:"used" doc:"Quantity times microseconds; of a meter, and of what is charged once, the quantity. A whole number"`
	Share    string    `json:"share" doc:"Of the amount, not rounded: to twelve places, cut so that shares add up"`
	Before   bool      `json:"before,omitempty" doc:"Of an adjustment: as it was known before, and taken off"`
	Events   int64     `json:"events,omitempty" doc:"How many usage events the hour is made of: see cost/events"`
	Causes   []Cause   `json:"causes,omitempty" doc:"What the link began with"`
}

// Cause is an event with which a link of a chain began.
type Cause struct {
	Kind     string    `json:"kind" enum:"command,fact,backup"`
	What     string    `json:"what" doc:"The command; the state that the zone reported; kept or gone, of a backup" example:"suspend"`
	At       time.Time `json:"at" doc:"When it took effect"`
	Recorded time.Time `json:"recorded"`
	ID       string    `json:"id,omitempty" doc:"Of the backup"`
	Bytes    int64     `json:"bytes,omitempty" doc:"Of the backup"`
}

// CountedEvent is a usage event as it was taken in.
type CountedEvent struct {
	Source   string    `json:"source"`
	ID       string    `json:"id"`
	Meter    string    `json:"meter"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Quantity int64     `json:"quantity" doc:"In the meter's smallest unit"`
	Received time.Time `json:"received"`
}

// InvoiceLineDetail is a line of an invoice, a credit note or a draft, with what it is made of.
type InvoiceLineDetail struct {
	Line     InvoiceLine `json:"line"`
	Currency string      `json:"currency"`
	Corrects string      `json:"corrects,omitempty" doc:"Of a credit note: the invoice whose line line.of it gives back"`
	// Explanation is absent where a line is not computed from what was used.
	Explanation *Explanation `json:"explanation,omitempty" doc:"Absent: the line is not computed from what was used"`
}
