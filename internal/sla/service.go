package sla

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/catalog"
	"souk/internal/clock"
	"souk/internal/compare"
	"souk/internal/mail"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/sla/sladb"
	"souk/internal/store"
)

// Service reads how available instances were. Its methods run within a transaction of
// the caller's, who has checked that the asker may do it.
type Service struct {
	Clock   clock.Clock
	Catalog *catalog.Catalog
	Mail    *mail.Outbox // nil: reports are not mailed
}

const (
	// longestChange is how much of a change counts as agreed maintenance: one that
	// does not end is an outage.
	longestChange = 10 * time.Minute
	// settled is how old a watermark is at least: no transaction that writes takes as
	// long, so that nothing is recorded before it any more.
	settled = 10 * time.Second
)

// month is a calendar month in a zone.
type month struct {
	name     string
	zone     *time.Location
	from, to time.Time
}

// monthOf reads "2026-11"; "" is that of now.
func monthOf(period, zone string, now time.Time) (month, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return month{}, err
	}
	if period == "" {
		period = now.In(location).Format("2006-01")
	}
	first, err := time.ParseInLocation("2006-01", period, location)
	if err != nil {
		return month{}, problem.InvalidField("query.period", period, "Write a month as 2026-11.")
	}
	if first.After(now) {
		return month{}, problem.InvalidField("query.period", period, "This month has not begun yet.")
	}
	return month{period, location, first.UTC(), first.AddDate(0, 1, 0).UTC()}, nil
}

// evaluated is one instance in a time.
type evaluated struct {
	sladb.InstancesRow
	sli       *servicepkg.SLI // nil: it is not measured
	why       string          // it is not
	spans     []Span
	objective string
	month     month
}

// read evaluates the instances of an organization, or one of them, in a month as was
// known at a watermark.
func (s *Service) read(ctx context.Context, tx store.Tx, organization uuid.UUID, instance *uuid.UUID, m month, watermark time.Time) ([]evaluated, error) {
	q := sladb.New(tx)
	until := compare.Earlier(m.to, watermark)
	rows, err := q.Instances(ctx, sladb.InstancesParams{OrganizationID: organization, Instance: instance, Watermark: watermark, ToAt: until, FromAt: m.from})
	if err != nil {
		return nil, err
	}
	out := make([]evaluated, len(rows))
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
		out[i] = evaluated{InstancesRow: row, month: m}
		if err := s.define(ctx, tx, &out[i]); err != nil {
			return nil, err
		}
	}
	of, err := evidenceOf(ctx, q, ids, m.from, until, watermark)
	if err != nil {
		return nil, err
	}
	for i := range out {
		id := out[i].ID
		out[i].spans = Timeline(m.from, until, of.measured[id], of.service[id], of.agreed[id])
	}
	return out, nil
}

// define finds what the package that the instance was ordered as says of it.
func (s *Service) define(ctx context.Context, tx store.Tx, e *evaluated) error {
	d, err := s.Catalog.Definition(ctx, tx, e.PackageRevisionID)
	if err != nil {
		return err
	}
	note, lacks := d.Lacks(servicepkg.CapabilityAvailability, e.Driver)
	switch {
	case d.SLI == nil:
		e.why = "Its service, as it was when the instance was ordered, says nothing of availability."
	case lacks && note != "":
		e.why = note
	case lacks:
		e.why = "It is not measured in this zone."
	default:
		e.sli = d.SLI
		e.objective, _ = d.Objective(e.ServiceLevel)
	}
	return nil
}

// evidence is what is known of instances, by their IDs.
type evidence struct {
	measured        map[uuid.UUID][]Span
	service, agreed map[uuid.UUID][]Window
}

func evidenceOf(ctx context.Context, q *sladb.Queries, ids []uuid.UUID, from, until, watermark time.Time) (evidence, error) {
	of := evidence{map[uuid.UUID][]Span{}, map[uuid.UUID][]Window{}, map[uuid.UUID][]Window{}}
	measured, err := q.Measured(ctx, sladb.MeasuredParams{Instances: ids, FromAt: from, Until: until, Watermark: watermark})
	if err != nil {
		return of, err
	}
	for _, row := range measured {
		of.measured[row.InstanceID] = append(of.measured[row.InstanceID], Span{row.FromAt, row.ToAt, State(row.State)})
	}
	service, err := q.Service(ctx, sladb.ServiceParams{Instances: ids, Watermark: watermark, Until: until})
	if err != nil {
		return of, err
	}
	for _, row := range service {
		of.service[row.InstanceID] = append(of.service[row.InstanceID], Window{row.FromAt, row.ToAt})
	}
	of.agreed, err = agreed(ctx, q, ids, from, until, watermark)
	return of, err
}

// agreed is when changes were carried out that users had asked for, from their
// acceptance until they were in force, and maintenance.
func agreed(ctx context.Context, q *sladb.Queries, ids []uuid.UUID, from, until, watermark time.Time) (map[uuid.UUID][]Window, error) {
	all := map[uuid.UUID][]Window{}
	changes, err := q.Changes(ctx, sladb.ChangesParams{Instances: ids, Since: from.Add(-longestChange), Until: until, Watermark: watermark})
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		all[c.InstanceID] = append(all[c.InstanceID], Window{c.AcceptedAt, compare.Earlier(c.AcceptedAt.Add(longestChange), c.DoneAt)})
	}
	maintained, err := q.Maintained(ctx, sladb.MaintainedParams{Instances: ids, Since: from, Until: until, Watermark: watermark})
	for _, m := range maintained {
		all[m.InstanceID] = append(all[m.InstanceID], Window{m.BeganAt, m.DoneAt})
	}
	for id, windows := range all {
		all[id] = merged(windows)
	}
	return all, err
}

// merged are windows in order, of which no two overlap.
func merged(windows []Window) []Window {
	slices.SortFunc(windows, func(a, b Window) int { return a.From.Compare(b.From) })
	out := windows[:0]
	for _, w := range windows {
		if n := len(out); n > 0 && !out[n-1].To.Before(w.From) {
			if w.To.After(out[n-1].To) {
				out[n-1].To = w.To
			}
			continue
		}
		out = append(out, w)
	}
	return out
}

// result is what an instance's month comes to.
func (e evaluated) result() api.SLAResult {
	totals := Add(e.spans)
	out := api.SLAResult{Seconds: api.SLASeconds{Up: totals.Up.Seconds(), Down: totals.Down.Seconds(), Agreed: totals.Agreed.Seconds(), NoData: totals.NoData.Seconds(), Outside: totals.Outside.Seconds()}}
	is, known := totals.Availability()
	if known {
		out.Availability = Percent(is)
	}
	objective, err := Millionths(e.objective)
	if e.objective == "" || err != nil {
		return out
	}
	out.Objective = e.objective
	ahead := time.Duration(0)
	if n := len(e.spans); n > 0 && e.spans[n-1].State != Outside {
		ahead = e.month.to.Sub(e.spans[n-1].To)
	}
	budget := Budget(totals.Up+totals.Down+totals.NoData+ahead, objective)
	out.Budget = &api.ErrorBudget{Seconds: budget.Seconds(), Left: (budget - totals.Down).Seconds()}
	if known {
		met := is >= objective
		out.Met = &met
	}
	return out
}

// Instance is an instance's availability in a month, up to now.
func (s *Service) Instance(ctx context.Context, tx store.Tx, organization, instance uuid.UUID, period string) (api.Availability, error) {
	o, err := sladb.New(tx).Zone(ctx, organization)
	if err != nil {
		return api.Availability{}, err
	}
	now := s.Clock.Now().UTC()
	m, err := monthOf(period, o.TimeZone, now)
	if err != nil {
		return api.Availability{}, err
	}
	out := api.Availability{Period: m.name, TimeZone: o.TimeZone, From: m.from, To: m.to, Until: whole(compare.Earlier(m.to, now)), Intervals: []api.AvailabilityInterval{}}
	list, err := s.read(ctx, tx, organization, &instance, m, now)
	if len(list) > 0 {
		out.Until = list[0].untilTold()
	}
	if err != nil || len(list) == 0 {
		if err == nil {
			out.NotMeasured = "The instance was not to serve in this month."
		}
		return out, err
	}
	e := list[0]
	out.ServiceLevel, out.NotMeasured, out.SLAResult = e.ServiceLevel, e.why, e.result()
	if e.sli != nil {
		out.Description = e.sli.Description
	}
	for i, span := range e.spans {
		if i > 0 || span.State != Outside {
			out.Intervals = append(out.Intervals, interval(span))
		}
	}
	return out, nil
}

// reportedWithin is after how long a zone reports what goes on unchanged, at most.
const reportedWithin = 6 * time.Minute

// untilTold leaves out what lies since the zone's last report, where that is not due
// yet: nothing is wrong. It returns until when the spans go.
func (e *evaluated) untilTold() time.Time {
	n := len(e.spans)
	if n > 1 && e.spans[n-1].State == NoData && e.spans[n-1].To.Sub(e.spans[n-1].From) < reportedWithin && !e.spans[n-1].To.Equal(e.month.to) {
		e.spans = e.spans[:n-1]
	}
	return e.spans[len(e.spans)-1].To
}

func interval(s Span) api.AvailabilityInterval {
	return api.AvailabilityInterval{From: s.From, To: s.To, State: string(s.State)}
}
