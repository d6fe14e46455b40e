package api

import "time"

// Meter is something that is counted of a service's instances and may be billed.
type Meter struct {
	Name        string `json:"name" example:"traffic-out"`
	Title       string `json:"title"`
	Unit        string `json:"unit" example:"byte" doc:"Quantities are whole numbers of it"`
	Aggregation string `json:"aggregation" enum:"sum,maximum" doc:"What the events of an hour come to"`
	Description string `json:"description"`
	Measured    bool   `json:"measured" doc:"By the zone; others are sent by the service's provider"`
}

// UsageReceipt says what became of the events that were sent.
type UsageReceipt struct {
	Accepted int `json:"accepted" doc:"Events that count from now on"`
	Repeated int `json:"repeated" doc:"Events that had been taken before; they count once"`
}

// Usage is what was counted of an instance in a month, as it is known now.
type Usage struct {
	Period   string       `json:"period" example:"2026-11" doc:"Calendar month in timeZone"`
	TimeZone string       `json:"timeZone"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to" doc:"Of the period"`
	Meters   []MeterUsage `json:"meters" nullable:"false"`
}

// MeterUsage is what was counted by one meter.
type MeterUsage struct {
	Meter
	Quantity int64       `json:"quantity" doc:"Of the whole period so far: the sum of its hours, or the largest of them"`
	Hours    []UsageHour `json:"hours" nullable:"false" doc:"Those of which anything is known, in order"`
	Gaps     []UsageGap  `json:"gaps" nullable:"false" doc:"Times of service that nobody has said to be complete: what was used in them is not known, which is not the same as nothing"`
}

// UsageHour is what an hour came to.
type UsageHour struct {
	From     time.Time `json:"from" doc:"Its beginning; hours are those of UTC"`
	Quantity int64     `json:"quantity"`
	Events   int64     `json:"events" doc:"That it is made of"`
}

// UsageGap is a stretch of time.
type UsageGap struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// UsageEvent is a CloudEvent of version 1.0 that reports what was used of an instance.
type UsageEvent struct {
	SpecVersion string      `json:"specversion"` // "1.0"
	Source      string      `json:"source"`      // who counted: "/app/gateway-2"
	ID          string      `json:"id"`          // never used again within the source
	Type        string      `json:"type"`        // the meter
	Subject     string      `json:"subject"`     // the instance's ID
	Time        time.Time   `json:"time,omitzero"`
	Data        UsageReport `json:"data"`
}

// UsageReport is the data of a UsageEvent.
type UsageReport struct {
	Quantity *int64    `json:"quantity,omitempty"` // nil: it only says what is complete
	From     time.Time `json:"from,omitzero"`      // with To, within one hour of UTC; zero: at the event's time
	To       time.Time `json:"to,omitzero"`
	Complete bool      `json:"complete,omitempty"` // all that there was from From to To has been sent
}
