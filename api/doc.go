// Package api defines the documents that Souk's HTTP API speaks: the same for
// the portal, the command line, and every other client.
//
// Everything with a life has metadata, a spec (what is wanted) and a status
// (what is). Times are UTC with microseconds; durations are seconds; amounts of
// money are decimal strings with a currency beside them.
package api

import "time"

// Metadata is common to all objects.
type Metadata struct {
	ID           string            `json:"id" doc:"Globally unique" readOnly:"true"`
	Name         string            `json:"name" doc:"Unique among its siblings: lower-case letters, digits and hyphens, starting with a letter" example:"db1"`
	Organization string            `json:"organization,omitempty" readOnly:"true"`
	Project      string            `json:"project,omitempty" readOnly:"true"`
	Labels       map[string]string `json:"labels,omitempty" doc:"Your own keys and values"`
	Generation   int64             `json:"generation,omitempty" readOnly:"true" doc:"Rises with every change of the spec"`
	CreatedAt    time.Time         `json:"createdAt,omitzero" readOnly:"true"`
	UpdatedAt    time.Time         `json:"updatedAt,omitzero" readOnly:"true" doc:"Of the spec or the metadata"`
}

// Money is an exact amount.
type Money struct {
	Amount   string `json:"amount" doc:"Decimal" example:"0.02"`
	Currency string `json:"currency" example:"CHF"`
}

// List is one page of a listing.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Pass as ?cursor= for the next page; absent on the last"`
}
