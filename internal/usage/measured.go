package usage

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/usage/usagedb"
)

// Measurement is what a zone says that a meter has counted of one of its instances: all
// that there was from From to To, within an hour.
type Measurement struct {
	Zone                            uuid.UUID
	Epoch                           int64
	Sequence                        uint64
	Organization, Instance, Package uuid.UUID // the latter a revision
	Meter                           string
	From, To                        time.Time
	Quantity                        int64
}

// Measured takes in a measurement. What was said before of a time stands, whoever says it
// again: an agent that was enrolled anew sends once more what it has no answer to. One of a
// meter that the instance's package does not have, or that is no measured one, is left out.
// An error that is a problem stays one. The instance is locked, and the transaction a system
// one.
func (k Keeper) Measured(ctx context.Context, tx store.Tx, m Measurement, at time.Time) error {
	d, err := k.Catalog.Definition(ctx, tx, m.Package)
	if err != nil {
		return err
	}
	meter, found := d.Meter(m.Meter)
	if !found || !meter.Measured || !m.To.After(m.From) {
		return nil
	}
	q := usagedb.New(tx)
	if said, err := q.MarkedWithin(ctx, usagedb.MarkedWithinParams{OrganizationID: m.Organization, InstanceID: m.Instance, Meter: m.Meter, FromAt: m.From, ToAt: m.To}); err != nil || said {
		return err
	}
	e := Event{Source: fmt.Sprintf("zone/%d", m.Epoch), ID: strconv.FormatUint(m.Sequence, 10), Subject: m.Instance.String(), Meter: m.Meter,
		Report: Report{From: m.From, To: m.To, Quantity: &m.Quantity, Complete: true}}
	if err := e.check(); err != nil {
		return err
	}
	c := counted{Event: e, sum: e.digest(), organization: m.Organization, instance: m.Instance, maximum: meter.Aggregation == servicepkg.AggregateMaximum}
	_, err = record(ctx, q, m.Zone, []counted{c}, at)
	return err
}
