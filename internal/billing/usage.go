package billing

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/internal/billing/billingdb"
	"souk/internal/compare"
	"souk/internal/store"
)

// usageUses are the hours of usage that begin in the month, as they were known at the
// watermark. An hour is priced by the terms in force at its beginning.
func usageUses(ctx context.Context, q *billingdb.Queries, f Filter, m Month, watermark time.Time) ([]Use, error) {
	p := billingdb.UsageWindowsParams{OrganizationID: f.Organization, InstanceID: f.Instance, ProjectID: f.Project, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark}
	if f.Instance != nil {
		p.ProjectID = nil
	}
	rows, err := q.UsageWindows(ctx, p)
	uses := make([]Use, len(rows))
	for i, r := range rows {
		hour := r.Hour.UTC()
		uses[i] = Use{Segment: Segment{From: hour, To: hour.Add(time.Hour), Terms: Terms{Project: r.ProjectID, Plan: r.PlanRevisionID, PriceList: r.PriceListRevisionID, ServiceLevel: r.ServiceLevel}},
			InstanceID: r.InstanceID, Meter: r.Meter, Quantity: r.Quantity, Window: r.Ordinal, Events: r.Events, Project: r.Project, Instance: r.Instance, Gone: r.Gone, Service: r.Service, Plan: r.Plan}
	}
	return uses, err
}

// Gap is a time of which nobody has said that a meter's usage is complete: what was used
// in it is not known.
type Gap struct {
	InstanceID                 uuid.UUID
	Project, Instance, Service string // as they are called today
	Meter                      string
	Span
}

// Gaps returns what is not known of the usage that would be billed for a month up to
// until: where an instance ran, its meter has a price, and nobody has said, by the
// watermark, that nothing is missing. Zero: by now. What may still be on its way, for
// UsageSettles, is no gap.
func Gaps(ctx context.Context, tx store.Tx, f Filter, m Month, until, watermark time.Time) ([]Gap, error) {
	watermark = AsOf(watermark)
	uses, err := readUses(ctx, tx, f, m, watermark)
	if err != nil {
		return nil, err
	}
	covered, err := coveredBy(ctx, billingdb.New(tx), uses, m, watermark)
	return gaps(uses, covered, m, until, watermark), err
}

// gaps are those of uses that were read.
func gaps(uses []Use, covered map[metered][]Span, m Month, until, watermark time.Time) []Gap {
	known := watermark
	if until.Before(m.To) && until.Before(known) {
		known = until // of a month that goes on
	}
	settled := compare.Earlier(compare.Earlier(m.To, until), known.Add(-UsageSettles))
	var gaps []Gap
	for k, r := range ranWith(uses, m.From, settled) {
		marks, counted := covered[k]
		if !counted {
			continue // its package has no such meter
		}
		for _, s := range Missing(r.spans, marks) {
			gaps = append(gaps, Gap{k.instance, r.use.Project, r.use.Instance, r.use.Service, k.meter, s})
		}
	}
	slices.SortFunc(gaps, func(a, b Gap) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Instance, b.Instance), bytes.Compare(a.InstanceID[:], b.InstanceID[:]), strings.Compare(a.Meter, b.Meter), a.From.Compare(b.From))
	})
	return gaps
}

// metered is a meter of an instance.
type metered struct {
	instance uuid.UUID
	meter    string
}

// running is when an instance ran with a price for a meter.
type running struct {
	use   Use
	spans []Span
}

// ranWith says when instances ran, by what their prices are for beside time.
func ranWith(uses []Use, from, until time.Time) map[metered]running {
	ran := map[metered]running{}
	for _, u := range uses {
		s := Span{u.From, until}
		if from.After(s.From) {
			s.From = from
		}
		if !u.To.IsZero() && u.To.Before(s.To) {
			s.To = u.To
		}
		if !u.ComputeBilled || !s.From.Before(s.To) {
			continue
		}
		for _, p := range u.Prices {
			if !p.Item.Measured() || p.Item == ItemBackupStorage {
				continue
			}
			k := metered{u.InstanceID, string(p.Item)}
			ran[k] = running{u, append(ran[k].spans, s)}
		}
	}
	return ran
}

// coveredBy is by each meter that instances have what was said to be complete, of those
// that ran with a price for one.
func coveredBy(ctx context.Context, q *billingdb.Queries, uses []Use, m Month, watermark time.Time) (map[metered][]Span, error) {
	var instances []uuid.UUID
	for k := range ranWith(uses, m.From, m.To) {
		instances = append(instances, k.instance)
	}
	slices.SortFunc(instances, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	instances = slices.Compact(instances)
	covered := map[metered][]Span{}
	if len(instances) == 0 {
		return covered, nil
	}
	meters, err := q.MetersOfInstances(ctx, instances)
	if err != nil {
		return nil, err
	}
	for _, r := range meters {
		covered[metered{r.ID, r.Meter}] = nil
	}
	marks, err := q.UsageMarks(ctx, billingdb.UsageMarksParams{Instances: instances, PeriodFrom: m.From, PeriodTo: m.To, Watermark: watermark})
	for _, r := range marks {
		k := metered{r.InstanceID, r.Meter}
		covered[k] = appendSpan(covered[k], Span{r.FromAt.UTC(), r.ToAt.UTC()}) // hour after hour, which makes one
	}
	return covered, err
}
