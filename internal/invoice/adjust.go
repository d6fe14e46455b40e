package invoice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"souk/internal/billing"
	"souk/internal/invoice/invoicedb"
	"souk/internal/money"
	"souk/internal/store"
)

// adjustments are lines for what has become known of earlier months since the month
// before was closed: each of those months that this touches is rated as it was known then
// and as it is known now, and what differs is a line that names the original one.
func adjustments(ctx context.Context, tx store.Tx, c Closing) ([]Line, error) {
	earlier, err := closedBefore(ctx, tx, c)
	if err != nil || len(earlier) == 0 {
		return nil, err
	}
	known := earlier[len(earlier)-1].watermark
	some, err := c.touched(ctx, tx, earlier, known)
	if err != nil {
		return nil, err
	}
	return c.adjust(ctx, tx, some, known)
}

// touched are those of the months of which something became known after a watermark.
func (c Closing) touched(ctx context.Context, tx store.Tx, all []closedMonth, known time.Time) ([]closedMonth, error) {
	months := make([]billing.Month, len(all))
	for i, m := range all {
		months[i] = m.month
	}
	touched, err := billing.Touched(ctx, tx, c.Organization, months, known, c.Watermark)
	if err != nil {
		return nil, err
	}
	var some []closedMonth
	for i, m := range all {
		if touched[i] {
			some = append(some, m)
		}
	}
	return some, nil
}

// closedMonth is an organization's month that was frozen before.
type closedMonth struct {
	run       uuid.UUID
	name      string // "2026-11"
	month     billing.Month
	watermark time.Time
}

// closedBefore are the months before the one that is closed, in their order.
func closedBefore(ctx context.Context, tx store.Tx, c Closing) ([]closedMonth, error) {
	rows, err := invoicedb.New(tx).EarlierRuns(ctx, invoicedb.EarlierRunsParams{OrganizationID: c.Organization, Month: c.Month.String()})
	list := make([]closedMonth, len(rows))
	for i, r := range rows {
		month, err := billing.MonthBetween(r.FromAt, r.ToAt, r.TimeZone)
		if err != nil {
			return nil, err
		}
		list[i] = closedMonth{r.ID, r.Month, month, r.Watermark}
	}
	return list, err
}

// adjust compares months as they were known and as they are known now.
func (c Closing) adjust(ctx context.Context, tx store.Tx, months []closedMonth, known time.Time) ([]Line, error) {
	var lines []Line
	for _, m := range months {
		differ, err := differences(ctx, tx, c, m.month, known)
		if err != nil {
			return nil, err
		}
		if len(differ) == 0 {
			continue
		}
		_, original, err := ofRun(ctx, invoicedb.New(tx), m.run)
		if errors.Is(err, pgx.ErrNoRows) {
			original, err = &Document{}, nil // nothing had been used then
		}
		if err != nil {
			return nil, fmt.Errorf("the invoice of %s: %w", m.name, err)
		}
		for _, d := range differ {
			lines = append(lines, c.adjustment(m.name, m.month, original, d))
		}
	}
	return lines, nil
}

// difference is by how much more, or less, something costs than was invoiced.
type difference struct {
	of  billing.Line // it, as it is known now, or as it was where it is not any more
	net money.Amount
}

// differences rates a month as it was known at a watermark and as it is known now.
func differences(ctx context.Context, tx store.Tx, c Closing, month billing.Month, known time.Time) ([]difference, error) {
	filter := billing.Filter{Organization: c.Organization}
	was, err := billing.Charges(ctx, tx, filter, month, month.To, known)
	if err != nil {
		return nil, err
	}
	is, err := billing.Charges(ctx, tx, filter, month, month.To, c.Watermark)
	if err != nil {
		return nil, err
	}
	return differ(was, is), nil
}

// differ compares lines by what they are of.
func differ(was, is []billing.Line) []difference {
	all := map[Source]*difference{}
	add := func(l billing.Line, net money.Amount) {
		s := *sourceOf(l)
		d := all[s]
		if d == nil {
			d = &difference{}
			all[s] = d
		}
		d.of, d.net = l, d.net.Add(net)
	}
	for _, l := range was {
		add(l, l.Amount.Negative())
	}
	for _, l := range is {
		add(l, l.Amount)
	}
	var out []difference
	for _, s := range slices.SortedFunc(maps.Keys(all), compareSources) {
		if d := all[s]; !d.net.IsZero() {
			out = append(out, *d)
		}
	}
	return out
}

// adjustment words a difference, with the invoice and the line that it is of.
func (c Closing) adjustment(name string, month billing.Month, original *Document, d difference) Line {
	l := Line{Project: d.of.Project, Instance: d.of.Instance, Service: d.of.Service, Plan: d.of.Plan, Item: string(d.of.Item), Source: sourceOf(d.of), Period: PeriodOf(month), Unit: "one", Net: d.net}
	l.Quantity, l.Price = one(d.net)
	if original.Number != "" {
		l.Adjusts = &Reference{original.Number, original.Issued}
		for _, o := range original.Lines {
			if o.Adjusts == nil && same(o.Source, l.Source) {
				l.Of = o.ID
			}
		}
	}
	w := wordsOf(c.Language)
	l.Text = w.adjusted(name, w.text(d.of), original.Number, l.Of)
	return l
}
