// Package backup says when backups are due and how long they are kept. It is
// what the control plane and a zone's agent agree on, so that neither needs the
// other to know.
package backup

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
)

// Plan is when backups of an instance are taken and how long they are kept.
type Plan struct {
	At       string    `json:"at"`       // "02:00", by the clock on the wall of Zone
	Zone     string    `json:"timeZone"` // IANA
	Spread   int       `json:"spreadMinutes"`
	Keep     Retention `json:"keep"`
	Disabled bool      `json:"disabled,omitempty"`
	Drills   string    `json:"drills,omitempty"` // how often a backup is restored on trial; "" is Weekly
	To       string    `json:"to,omitempty"`     // name of a bucket of the organization's; "": the zone's place
}

// How often drills are made.
const (
	Daily   = "daily"
	Weekly  = "weekly"
	Monthly = "monthly"
	Never   = "off"
)

// DrillEvery is the time between two restore drills; 0: none are made.
func (p Plan) DrillEvery() time.Duration {
	const day = 24 * time.Hour
	switch p.Drills {
	case Daily:
		return day
	case "", Weekly:
		return 7 * day
	case Monthly:
		return 30 * day
	}
	return 0
}

// FirstDrill is when the first drill of an instance is due that is backed up from
// then on: within a day of its first backup, always the same for one instance, so
// that not all begin at once.
func (p Plan) FirstDrill(instance string, from time.Time) time.Time {
	p.Spread = 24 * 60
	return from.Add(p.jitter(instance))
}

// Retention says how many backups are kept. One is kept while any rule keeps it.
type Retention struct {
	Last    int `json:"last"`    // the newest
	Daily   int `json:"daily"`   // the newest of each of so many days
	Weekly  int `json:"weekly"`  // the newest of each of so many weeks, from Monday on
	Monthly int `json:"monthly"` // the newest of each of so many months
}

// Default is what an instance has whose order says nothing of backups.
func Default(zone string) Plan {
	return Plan{At: "02:00", Zone: zone, Spread: 120, Keep: Retention{Last: 3, Daily: 7, Weekly: 4}}
}

// moment reads the time of day.
func (p Plan) moment() (hour, minute int, err error) {
	t, err := time.Parse("15:04", p.At)
	if err != nil || len(p.At) != len("15:04") {
		return 0, 0, fmt.Errorf("%q is not a time of day such as 02:00", p.At)
	}
	return t.Hour(), t.Minute(), nil
}

// CheckAt says what is wrong with the time of day.
func (p Plan) CheckAt() error {
	_, _, err := p.moment()
	return err
}

// jitter is by how much an instance's backups begin later than the schedule says:
// always the same for one instance, so that not all of a zone begin at once.
func (p Plan) jitter(instance string) time.Duration {
	if p.Spread <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(instance))
	return time.Duration(h.Sum64()%uint64(p.Spread*60)) * time.Second
}

// on is when the backup of the day of t is due. Where the clock on the wall skips
// the time of day, or shows it twice, it is due once, within the hour.
func (p Plan) on(t time.Time, loc *time.Location, instance string) time.Time {
	hour, minute, _ := p.moment()
	y, m, d := t.Date()
	return time.Date(y, m, d, hour, minute, 0, 0, loc).Add(p.jitter(instance)).UTC()
}

// Last is the newest time at or before now at which a backup is due; Next the
// first after it. Both are zero for a plan that takes none, or that is not valid.
func (p Plan) Last(instance string, now time.Time) time.Time { return p.due(instance, now, 1, -1) }

// Next is the first time after now at which a backup is due.
func (p Plan) Next(instance string, now time.Time) time.Time { return p.due(instance, now, -1, 1) }

// due looks from a day on one side of now towards the other side.
func (p Plan) due(instance string, now time.Time, from, step int) time.Time {
	loc, err := time.LoadLocation(p.Zone)
	if err != nil || p.Disabled || p.CheckAt() != nil {
		return time.Time{}
	}
	// The spread is a day at most, so two days on either side are enough.
	for day := 2 * from; ; day += step {
		local := now.In(loc)
		at := p.on(time.Date(local.Year(), local.Month(), local.Day()+day, 12, 0, 0, 0, loc), loc, instance)
		if step < 0 && !at.After(now) || step > 0 && at.After(now) {
			return at
		}
	}
}

// ID of the backup of an instance that is due at that time: the same wherever it
// is asked for, so that nobody takes it twice.
func ID(instance string, due time.Time) string {
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(due.Unix()))
	space, err := uuid.Parse(instance)
	if err != nil {
		space = uuid.NewSHA1(uuid.Nil, []byte(instance))
	}
	return uuid.NewSHA1(space, at[:]).String()
}

// FirstID is that of the first backup of an instance in a place, which is taken as soon
// as it runs and is kept there; bucket is a bucket of the customer's, "" the zone's place.
func FirstID(instance, bucket string) string {
	first := ID(instance, time.Unix(0, 0))
	if bucket == "" {
		return first
	}
	return ID(first, time.Unix(0, 0).Add(offset(bucket)))
}

// offset is a number of seconds that tells one bucket from others.
func offset(bucket string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(bucket))
	return time.Duration(h.Sum32()) * time.Second
}
