package sla

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/internal/compare"
	"souk/internal/sla/sladb"
	"souk/internal/store"
)

// Pace is how fast an error budget is used up.
type Pace string

// The paces. What burns fast has somebody woken up, where the service level asks for
// it; what burns slowly is looked at on a working day.
const (
	Fast Pace = "fast"
	Slow Pace = "slow"
)

// burnRule has an instance burn its budget where it was down for so much of both
// windows: the long one says that it matters, the short one that it goes on.
type burnRule struct {
	pace        Pace
	long, short time.Duration
	rate        float64 // times the rate at which a month's budget lasts a month
}

// burnRules are in the order in which they are looked at; one of a pace is enough.
// They are those that are usual for an objective over a month: 2 % of its budget gone
// in an hour, 5 % in six, 10 % in three days.
var burnRules = []burnRule{
	{Fast, time.Hour, 5 * time.Minute, 14.4},
	{Fast, 6 * time.Hour, 30 * time.Minute, 6},
	{Slow, longestBurn, 6 * time.Hour, 1},
}

const longestBurn = 3 * 24 * time.Hour

// Rate is how fast a budget was used up in the last while.
type Rate struct {
	Times  float64 // the rate at which a month's budget lasts a month
	Window time.Duration
	Down   time.Duration // within it
}

// Burning is what is known of an instance that was down of late.
type Burning struct {
	sladb.BurnableRow
	Objective string        // in percent; "": nothing is aimed at, and no budget burns
	Serving   bool          // it is to serve now
	Known     bool          // it was up when it was measured last, so that what is over is known to be
	Burns     map[Pace]Rate // by which it burns its budget now
	// Latest is the rate over each pace's longest window.
	Latest map[Pace]Rate
}

// Burning looks at the instances that were down within the longest window, and at
// others. What was not measured burns nothing, and ends nothing.
func (s *Service) Burning(ctx context.Context, tx store.Tx, others []uuid.UUID) ([]Burning, error) {
	now := s.Clock.Now().UTC()
	from := now.Add(-longestBurn)
	q := sladb.New(tx)
	rows, err := q.Burnable(ctx, sladb.BurnableParams{Others: others, Since: from})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	of, err := evidenceOf(ctx, q, ids, from, now, now)
	if err != nil {
		return nil, err
	}
	out := make([]Burning, len(rows))
	for i, row := range rows {
		spans := Timeline(from, now, of.measured[row.ID], of.service[row.ID], of.agreed[row.ID])
		b := Burning{BurnableRow: row, Known: row.LastState == string(Up)}
		b.Serving = len(spans) > 0 && spans[len(spans)-1].State != Outside
		d, err := s.Catalog.Definition(ctx, tx, row.PackageRevisionID)
		if err != nil {
			return nil, err
		}
		b.Objective, _ = d.Objective(row.ServiceLevel)
		if b.Burns, b.Latest, err = burns(spans, now, b.Objective); err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

// burns are the paces at which spans burn the budget of an objective, and how fast it
// is used up in any case.
func burns(spans []Span, now time.Time, objective string) (holding, latest map[Pace]Rate, err error) {
	holding, latest = map[Pace]Rate{}, map[Pace]Rate{}
	if objective == "" {
		return holding, latest, nil
	}
	aim, err := Millionths(objective)
	if err != nil || aim == perMillion { // there is no budget
		return holding, latest, err
	}
	budget := float64(perMillion-aim) / perMillion
	for _, rule := range burnRules {
		// No more can be down than all of the time.
		least := min(rule.rate*budget, 1)
		long, short := downWithin(spans, now, rule.long), downWithin(spans, now, rule.short)
		is := Rate{Times: long.Seconds() / rule.long.Seconds() / budget, Window: rule.long, Down: long}
		if _, known := holding[rule.pace]; !known {
			latest[rule.pace] = is
		}
		if long.Seconds() >= least*rule.long.Seconds() && short.Seconds() >= least*rule.short.Seconds() {
			if _, known := holding[rule.pace]; !known {
				holding[rule.pace], latest[rule.pace] = is, is
			}
		}
	}
	return holding, latest, nil
}

// downWithin is for how much of the last while the spans are down.
func downWithin(spans []Span, now time.Time, window time.Duration) (down time.Duration) {
	from := now.Add(-window)
	for _, s := range spans {
		if s.State == Down && s.To.After(from) {
			down += s.To.Sub(compare.Later(s.From, from))
		}
	}
	return down
}
