package usage

import (
	"context"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/billing"
	"souk/internal/problem"
	"souk/internal/servicepkg"
	"souk/internal/store"
	"souk/internal/usage/usagedb"
)

// Document is what a meter is for those who read of it.
func Document(m servicepkg.Meter) api.Meter {
	return api.Meter{Name: m.Name, Title: m.Title, Unit: m.Unit, Aggregation: m.Aggregation, Description: m.Description, Measured: m.Measured}
}

// Instance is what was counted of an instance in a month such as "2026-11", in its
// organization's time zone; "" is that of now.
func (k Keeper) Instance(ctx context.Context, tx store.Tx, organization, instance uuid.UUID, period string, now time.Time) (api.Usage, error) {
	q := usagedb.New(tx)
	subject, err := q.Subject(ctx, usagedb.SubjectParams{OrganizationID: organization, InstanceID: instance})
	if err != nil {
		return api.Usage{}, err
	}
	month, err := monthOf(period, subject.TimeZone, now)
	if err != nil {
		return api.Usage{}, err
	}
	d, err := k.Catalog.Definition(ctx, tx, subject.PackageRevisionID)
	if err != nil {
		return api.Usage{}, err
	}
	hours, err := q.Windows(ctx, usagedb.WindowsParams{OrganizationID: organization, InstanceID: instance, FromAt: month.From, ToAt: month.To})
	if err != nil {
		return api.Usage{}, err
	}
	gaps, err := gapsOf(ctx, q, organization, instance, d.Meters, month, now)
	if err != nil {
		return api.Usage{}, err
	}
	out := api.Usage{Period: month.String(), TimeZone: subject.TimeZone, From: month.From, To: month.To, Meters: []api.MeterUsage{}}
	for _, m := range d.Meters {
		of := api.MeterUsage{Meter: Document(m), Hours: []api.UsageHour{}, Gaps: gaps[m.Name]}
		for _, h := range hours {
			if h.Meter != m.Name {
				continue
			}
			of.Hours = append(of.Hours, api.UsageHour{From: h.Hour.UTC(), Quantity: h.Quantity, Events: h.Events})
			if m.Aggregation == servicepkg.AggregateMaximum {
				of.Quantity = max(of.Quantity, h.Quantity)
			} else {
				of.Quantity += h.Quantity
			}
		}
		out.Meters = append(out.Meters, of)
	}
	return out, nil
}

// monthOf reads "2026-11"; "" is that of now.
func monthOf(period, zone string, now time.Time) (billing.Month, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return billing.Month{}, err
	}
	if period == "" {
		return billing.MonthOf(now, location), nil
	}
	first, err := time.ParseInLocation("2006-01", period, location)
	if err != nil {
		return billing.Month{}, problem.InvalidField("query.period", period, "Write a month as 2026-11.")
	}
	if first.After(now) {
		return billing.Month{}, problem.InvalidField("query.period", period, "This month has not begun yet.")
	}
	return billing.MonthOf(first, location), nil
}

// gapsOf are by meter the times of service that nobody has said to be complete, but for
// what may still be on its way.
func gapsOf(ctx context.Context, q *usagedb.Queries, organization, instance uuid.UUID, meters []servicepkg.Meter, m billing.Month, now time.Time) (map[string][]api.UsageGap, error) {
	until := m.To
	if settled := now.Add(-billing.UsageSettles); settled.Before(until) {
		until = settled
	}
	service, err := q.Service(ctx, usagedb.ServiceParams{OrganizationID: organization, InstanceID: instance, Until: until, FromAt: m.From})
	if err != nil {
		return nil, err
	}
	marks, err := q.Marks(ctx, usagedb.MarksParams{OrganizationID: organization, InstanceID: instance, FromAt: m.From, Until: until})
	if err != nil {
		return nil, err
	}
	var of []billing.Span
	for _, s := range service {
		from := s.FromAt
		if from.Before(m.From) {
			from = m.From
		}
		of = append(of, billing.Span{From: from.UTC(), To: s.ToAt.UTC()})
	}
	covered := map[string][]billing.Span{}
	for _, c := range marks {
		covered[c.Meter] = append(covered[c.Meter], billing.Span{From: c.FromAt.UTC(), To: c.ToAt.UTC()})
	}
	out := map[string][]api.UsageGap{}
	for _, meter := range meters {
		out[meter.Name] = []api.UsageGap{}
		for _, gap := range billing.Missing(of, covered[meter.Name]) {
			out[meter.Name] = append(out[meter.Name], api.UsageGap(gap))
		}
	}
	return out, nil
}

// Counted asks for the events behind an hour of a meter.
type Counted struct {
	Organization, Instance uuid.UUID
	Project                *uuid.UUID // that the instance has to have been in; nil: any
	Meter                  string
	Hour                   time.Time // its beginning
	Watermark              time.Time // as it was known then; zero: now
	Skip, Limit            int
}

// Events are those that an hour is made of, in the order in which they came.
func Events(ctx context.Context, tx store.Tx, c Counted) ([]api.CountedEvent, error) {
	rows, err := usagedb.New(tx).EventsOfHour(ctx, usagedb.EventsOfHourParams{OrganizationID: c.Organization, InstanceID: c.Instance, ProjectID: c.Project, Meter: c.Meter, Hour: c.Hour, Watermark: billing.AsOf(c.Watermark),
		Most: int32(c.Limit), Skipped: int32(c.Skip)})
	list := make([]api.CountedEvent, len(rows))
	for i, r := range rows {
		list[i] = api.CountedEvent{Source: r.Source, ID: r.EventID, Meter: r.Meter, From: r.FromAt.UTC(), To: r.ToAt.UTC(), Quantity: r.Quantity, Received: r.RecordedAt.UTC()}
	}
	return list, err
}
