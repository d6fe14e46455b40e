package maturity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/maturity/maturitydb"
	"souk/internal/sla"
	"souk/internal/store"
)

const (
	// observeEvery is how often it is looked at how a service fared.
	observeEvery = 15 * time.Minute
	// lookedBack is over how long.
	lookedBack = 30 * 24 * time.Hour
	// mostRecords are kept of one service in one zone.
	mostRecords = 50
	// fewAtOnce is how many instances are looked at in one transaction.
	fewAtOnce = 50
)

// Figures are how a service fared in a zone in the last 30 days, counted over all
// organizations.
type Figures struct {
	Drills     DrillFigures   `json:"drills"`
	Objectives []LevelFigures `json:"objectives"` // by service level
	Changes    ChangeFigures  `json:"changes"`
}

// DrillFigures count restore drills that ended.
type DrillFigures struct {
	Drills    int64      `json:"drills"`
	Instances int        `json:"instances"` // that had one
	Failed    int        `json:"failed"`    // of these: the last one failed
	Uncertain int        `json:"uncertain"` // of these: the last one has no certificate yet
	Last      *time.Time `json:"last,omitempty"`
}

// LevelFigures are how available the instances of a service level were, together.
type LevelFigures struct {
	ServiceLevel string `json:"serviceLevel"`
	Objective    string `json:"objective"` // in percent
	Instances    int    `json:"instances"`
	Missed       int    `json:"missed"` // of these: those that by themselves did not reach it
	// Up, Down, Agreed and NoData are milliseconds of the time in which they were to
	// serve; NoData was not measured.
	Up     int64 `json:"up"`
	Down   int64 `json:"down"`
	Agreed int64 `json:"agreed"`
	NoData int64 `json:"noData"`
}

// ChangeFigures count changes that were put off to a window and carried out there.
type ChangeFigures struct {
	Changes  int64 `json:"changes"`
	Failed   int64 `json:"failed"`
	Measured int64 `json:"measured"` // of these: those whose interruption the zone measured
	Longest  int64 `json:"longest"`  // interruption, in milliseconds
}

// Observer looks at how services fare.
type Observer struct {
	Store   *store.Store
	Clock   clock.Clock
	Catalog *catalog.Catalog
}

// Observe looks at each service in each zone, where that is due. It may be repeated, and
// done by several at once.
func (o *Observer) Observe(ctx context.Context) error {
	var offers []catalog.Offer
	err := o.Store.System(ctx, func(tx store.Tx) (err error) {
		offers, err = o.Catalog.Offers(ctx, tx, "", "")
		return err
	})
	if err != nil {
		return err
	}
	seen := map[[2]uuid.UUID]bool{}
	var failed []error
	for _, offer := range offers {
		if key := [2]uuid.UUID{offer.ServiceID, offer.ZoneID}; !seen[key] {
			seen[key] = true
			failed = append(failed, o.observe(ctx, offer))
		}
	}
	return errors.Join(failed...)
}

func (o *Observer) observe(ctx context.Context, offer catalog.Offer) error {
	now := o.Clock.Now().UTC()
	look := &look{offer: offer, from: now.Add(-lookedBack), to: now, levels: map[string]*LevelFigures{}}
	due := false
	err := o.Store.System(ctx, func(tx store.Tx) error {
		last, err := maturitydb.New(tx).ObservedAt(ctx, maturitydb.ObservedAtParams{ServiceID: offer.ServiceID, ZoneID: offer.ZoneID})
		if due = errors.Is(err, pgx.ErrNoRows) || err == nil && !now.Before(last.Add(observeEvery)); !due {
			return ignoreNone(err)
		}
		return look.drillsAndChanges(ctx, maturitydb.New(tx))
	})
	if err != nil || !due {
		return err
	}
	for more := true; more; {
		err := o.Store.System(ctx, func(tx store.Tx) (err error) {
			more, err = look.someInstances(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	figures, records, err := look.written()
	if err != nil {
		return err
	}
	return o.Store.System(ctx, func(tx store.Tx) error {
		q := maturitydb.New(tx)
		if err := q.Observe(ctx, maturitydb.ObserveParams{ServiceID: offer.ServiceID, ZoneID: offer.ZoneID, ObservedAt: now, Figures: figures}); err != nil {
			return err
		}
		return q.KeepRecords(ctx, maturitydb.KeepRecordsParams{ServiceID: offer.ServiceID, ZoneID: offer.ZoneID, Records: records})
	})
}

func ignoreNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// look is one look at a service in a zone.
type look struct {
	offer    catalog.Offer
	from, to time.Time
	figures  Figures
	levels   map[string]*LevelFigures
	bad, ok  []api.ReadinessRecord
	after    uuid.UUID // the last instance that was looked at
}

func (l *look) drillsAndChanges(ctx context.Context, q *maturitydb.Queries) error {
	drilled, err := q.Drilled(ctx, maturitydb.DrilledParams{Service: l.offer.Service, ZoneID: l.offer.ZoneID, Since: l.from})
	if err != nil {
		return err
	}
	d := &l.figures.Drills
	for _, row := range drilled {
		record := api.ReadinessRecord{Check: checkDrills, State: api.ProofPassed, Organization: row.Organization, Project: row.Project, Instance: row.Instance, ID: row.ID.String(), At: row.FinishedAt.UTC(), Text: "The last restore drill passed."}
		d.Drills += row.Drills
		d.Instances++
		switch {
		case row.State == "failed":
			d.Failed++
			record.State, record.Text = api.ProofFailed, "The last restore drill failed."
		case !row.Certified:
			d.Uncertain++
			record.State, record.Text = api.ProofNotProven, "The last restore drill has no certificate yet."
		}
		if d.Last == nil || record.At.After(*d.Last) {
			d.Last = &record.At
		}
		l.keep(record)
	}
	changes, err := q.Changed(ctx, maturitydb.ChangedParams{Service: l.offer.Service, ZoneID: l.offer.ZoneID, Since: l.from})
	l.figures.Changes = ChangeFigures{Changes: changes.Changes, Failed: changes.Failed, Measured: changes.Measured, Longest: changes.LongestMs}
	return err
}

// someInstances adds up how the next few instances fared; true: there may be more.
func (l *look) someInstances(ctx context.Context, tx store.Tx) (bool, error) {
	rows, err := maturitydb.New(tx).Serving(ctx, maturitydb.ServingParams{Service: l.offer.Service, ZoneID: l.offer.ZoneID, After: l.after, Since: l.from, Most: fewAtOnce})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	fared, err := sla.Fared(ctx, tx, ids, l.from, l.to)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if objective, has := l.offer.Definition.Objective(row.ServiceLevel); has {
			l.add(row, objective, fared[row.ID])
		}
	}
	l.after = ids[len(ids)-1]
	return len(rows) == fewAtOnce, nil
}

func (l *look) add(row maturitydb.ServingRow, objective string, t sla.Totals) {
	level := l.levels[row.ServiceLevel]
	if level == nil {
		level = &LevelFigures{ServiceLevel: row.ServiceLevel, Objective: objective}
		l.levels[row.ServiceLevel] = level
	}
	level.Instances++
	level.Up += t.Up.Milliseconds()
	level.Down += t.Down.Milliseconds()
	level.Agreed += t.Agreed.Milliseconds()
	level.NoData += t.NoData.Milliseconds()
	want, err := sla.Millionths(objective)
	is, known := t.Availability()
	if err != nil || !known || is >= want {
		return
	}
	level.Missed++
	l.keep(api.ReadinessRecord{Check: checkObjectives, State: api.ProofFailed, Organization: row.Organization, Project: row.Project, Instance: row.Instance, ID: row.ID.String(), At: l.to,
		Text: fmt.Sprintf("Available for %s %% in 30 days, of %s %% that are aimed at.", sla.Percent(is), objective)})
}

func (l *look) keep(r api.ReadinessRecord) {
	if r.State == api.ProofPassed {
		l.ok = append(l.ok, r)
	} else {
		l.bad = append(l.bad, r)
	}
}

// written are the figures and the records as they are kept: what is not well first.
func (l *look) written() (figures, records []byte, err error) {
	for _, level := range []string{catalog.BestEffort, catalog.Guaranteed} {
		if l.levels[level] != nil {
			l.figures.Objectives = append(l.figures.Objectives, *l.levels[level])
		}
	}
	if figures, err = json.Marshal(l.figures); err != nil {
		return nil, nil, err
	}
	all := append(append([]api.ReadinessRecord{}, l.bad...), l.ok...)
	records, err = json.Marshal(all[:min(len(all), mostRecords)])
	return figures, records, err
}
