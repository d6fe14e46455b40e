// Package usage takes in what providers and zones say that was consumed of instances,
// counts each event once, and adds them up to hours.
package usage

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

const (
	// MaxEvents is how many events a request may hold.
	MaxEvents = 1000
	// Skew is by how much a sender's clock may be ahead.
	Skew = 5 * time.Minute
	// Oldest is how long ago an event may have ended: what comes later than that has
	// to be settled between people.
	Oldest = 60 * 24 * time.Hour
	// MostQuantity is how much one event may report: what any JSON reader holds exactly.
	MostQuantity = 1<<53 - 1
)

// Event is one report of consumption.
type Event struct {
	Source, ID string // together unique among the events of a sender
	Subject    string // the instance's ID
	Meter      string
	Report
	place place
}

// Report is what an event says, its data.
type Report struct {
	// From and To are the time that it is about; equal: a moment. With a Quantity they
	// lie within one hour of UTC. From may be zero where Quantity is nil: since the
	// instance was ordered.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Quantity in the meter's smallest unit; nil: the event only says Complete.
	Quantity *int64 `json:"quantity"`
	// Complete says that all that there was in this time has been sent, with this event.
	Complete bool `json:"complete"`
}

// place says how a field of an event is called in the request that it came in.
type place struct {
	attribute, data string // put before the name
}

func (e Event) attribute(name string) string { return e.place.attribute + name }

func (e Event) data(name string) string { return e.place.data + name }

// digest is the SHA-256 of all of the event that counts.
func (e Event) digest() []byte {
	raw, err := json.Marshal(struct {
		Subject string `json:"subject"`
		Meter   string `json:"meter"`
		Report
	}{e.Subject, e.Meter, e.Report})
	if err != nil {
		panic(err) // there is nothing in it that could fail
	}
	sum := sha256.Sum256(raw)
	return sum[:]
}

// hour is the one that the event's quantity counts for.
func (e Event) hour() time.Time { return e.From.Truncate(time.Hour) }

// Receipt says what became of the events of a request.
type Receipt struct {
	Accepted int // counted now
	Repeated int // counted before
}

// counted is an event that was checked.
type counted struct {
	Event
	sum          []byte
	organization uuid.UUID // of the instance
	instance     uuid.UUID
	maximum      bool // an hour is worth its largest quantity
}
