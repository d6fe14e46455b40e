package sla

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/api"
	"souk/internal/compare"
	"souk/internal/problem"
	"souk/internal/sla/sladb"
	"souk/internal/store"
)

// Report is the report of an organization's month as was known at a watermark; a zero
// one is the newest that can be had. The same watermark gives the same report: one that
// was made when the month was over is as it was then.
func (s *Service) Report(ctx context.Context, tx store.Tx, organization uuid.UUID, period string, watermark time.Time) (api.SLAReport, error) {
	if !watermark.IsZero() {
		if r, made, err := Made(ctx, tx, organization, period, watermark); made || err != nil {
			return r, err
		}
	}
	return s.Measure(ctx, tx, organization, period, watermark)
}

// Measure is Report evaluated from what was measured, also where one was made. It bears
// the names of today.
func (s *Service) Measure(ctx context.Context, tx store.Tx, organization uuid.UUID, period string, watermark time.Time) (api.SLAReport, error) {
	o, err := sladb.New(tx).Zone(ctx, organization)
	if err != nil {
		return api.SLAReport{}, err
	}
	newest := s.Clock.Now().UTC().Add(-settled).Truncate(time.Second)
	if watermark.IsZero() {
		watermark = newest
	}
	watermark = watermark.UTC()
	if watermark.After(newest) {
		return api.SLAReport{}, problem.InvalidField("query.watermark", watermark, "The watermark is at least %s old, for something may still be recorded before a newer one.", settled)
	}
	m, err := monthOf(period, o.TimeZone, s.Clock.Now())
	if err != nil {
		return api.SLAReport{}, err
	}
	if watermark.Before(m.from) {
		return api.SLAReport{}, problem.InvalidField("query.watermark", watermark, "The watermark lies before the month: nothing was known of it then.")
	}
	report := api.SLAReport{Organization: o.Name, DisplayName: o.DisplayName, Period: m.name, TimeZone: o.TimeZone, From: m.from, To: m.to,
		Until: whole(compare.Earlier(m.to, watermark)), Watermark: watermark, RulesVersion: RulesVersion, Instances: []api.SLAReportInstance{}}
	list, err := s.read(ctx, tx, organization, nil, m, watermark)
	for _, e := range list {
		report.Instances = append(report.Instances, e.reported())
	}
	slices.SortFunc(report.Instances, func(a, b api.SLAReportInstance) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return report, err
}

func (e evaluated) reported() api.SLAReportInstance {
	out := api.SLAReportInstance{ID: e.ID.String(), Project: e.Project, Name: e.Name, Service: e.InstancesRow.Service, ServiceLevel: e.ServiceLevel, NotMeasured: e.why,
		SLAResult: e.result(), Outages: []api.AvailabilityInterval{}}
	for _, span := range e.spans {
		if span.State == Down || span.State == Agreed {
			out.Outages = append(out.Outages, interval(span))
		}
	}
	return out
}
